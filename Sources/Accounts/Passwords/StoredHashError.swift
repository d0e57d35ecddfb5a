/// Why a stored password hash cannot be compared with anything.
enum StoredHashError: Error {
    /// Not the text of a scheme that is known here.
    case malformed
    /// Of a known scheme, but in a version, or at a cost, that is not accepted.
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
