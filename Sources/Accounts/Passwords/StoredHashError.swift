/// Why a stored password hash cannot be compared.
enum StoredHashError: Error {
    /// The text is not of a supported scheme.
    case malformed
    /// The scheme is supported, but not the version or the cost.
    case unsupported
}

extension StoredHashError: CustomStringConvertible {
    var description: String {
        switch self {
        case .malformed: "the stored password hash is malformed"
        case .unsupported: "the stored password hash has an unsupported version or cost"
        }
    }
}
