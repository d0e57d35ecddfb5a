/// Why no password can match a stored hash. The texts complete "expected"; they never contain a part of the hash.
enum StoredHashError: Error, Equatable {
    /// The text is not a hash of a supported scheme.
    case malformed(String)
    /// The scheme is supported, but not the version or the cost.
    case unsupported(String)

    var expected: String {
        switch self {
        case .malformed(let expected), .unsupported(let expected): expected
        }
    }
}
