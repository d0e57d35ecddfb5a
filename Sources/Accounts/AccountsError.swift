package import Platform

/// The errors of Accounts; the descriptions are for the operator and never contain a password, a secret or a hash.
package enum AccountsError: Error, Equatable, Sendable {
    /// A file has invalid content; `line` counts from 1.
    case malformed(path: String, line: Int, expected: String)
    /// A file that cannot be read, written or locked.
    case file(FileError)
    /// A thread that hashes passwords could not be started.
    case thread(ThreadError)
    /// A file that would hold more than the service reads.
    case tooManyValues(path: String, countMax: Int)
    /// A list of breached passwords that cannot be searched; `line` counts from 1.
    case breachedList(path: String, line: Int, expected: String)
    case exists(kind: String, name: String)
    case missing(kind: String, name: String)
    /// A value that an edit may not write into a file.
    case invalid(field: String, expected: String)
    /// A hashing function of a library failed; `code` is the library's own.
    case hashing(call: String, code: Int32)
}

extension AccountsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let path, let line, let expected), .breachedList(let path, let line, let expected):
            "\(path):\(line): expected \(expected)"
        case .file(let error): error.description
        case .thread(let error): error.description
        case .tooManyValues(let path, let countMax):
            "\(path): more than \(countMax) JSON values, the limit of the service"
        case .exists(let kind, let name): "the \(kind) \(name) exists already"
        case .missing(let kind, let name): "\(kind) \(name) does not exist"
        case .invalid(let field, let expected): "\(field): expected \(expected)"
        case .hashing(let call, let code): "\(call) failed with code \(code)"
        }
    }
}

extension AccountsError {
    /// Whether the same command may succeed later without a change to a setting or a file.
    package var mayPass: Bool {
        switch self {
        case .file(let error): error.mayPass
        case .thread: true
        case .malformed, .tooManyValues, .breachedList, .exists, .missing, .invalid, .hashing: false
        }
    }
}
