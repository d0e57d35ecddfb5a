import Platform

/// Everything that Accounts throws; the descriptions are for the operator and never hold a password, a secret or a
/// hash.
package enum AccountsError: Error, Equatable, Sendable {
    /// A file that is not what it should be; `line` counts from 1.
    case malformed(path: String, line: Int, expected: String)
    case tooLarge(path: String, byteCountMax: Int)
    /// A file that would hold more than the service reads.
    case tooManyValues(path: String, countMax: Int)
    /// A system call that failed; `code` is its `errno`.
    case system(call: String, path: String, code: Int32)
    /// Another edit holds the lock file.
    case locked(path: String)
    /// Another program replaced the file while it was being edited, again and again.
    case changed(path: String)
    case exists(kind: String, name: String)
    case missing(kind: String, name: String)
    /// A value that an edit may not write into a file.
    case invalid(field: String, expected: String)
    /// A library call for hashing that failed; `code` is its own.
    case hashing(call: String, code: Int32)
}

extension AccountsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let path, let line, let expected): "\(path):\(line): expected \(expected)"
        case .tooLarge(let path, let byteCountMax): "\(path): larger than the limit of \(byteCountMax) bytes"
        case .tooManyValues(let path, let countMax):
            "\(path): more than \(countMax) JSON values, the limit of what the service reads"
        case .system(let call, let path, let code): FileErrorText.text(path, call, code)
        case .locked(let path): "\(path): another command holds the lock; try again when it is done"
        case .changed(let path):
            "\(path): another program keeps changing the file; nothing was written. Try again when it is done"
        case .exists(let kind, let name): "the \(kind) \(name) exists already"
        case .missing(let kind, let name): "there is no \(kind) \(name)"
        case .invalid(let field, let expected): "\(field): expected \(expected)"
        case .hashing(let call, let code): "\(call) failed with code \(code)"
        }
    }
}

extension AccountsError {
    /// Whether the same command may succeed later although nobody changes a setting or a file.
    package var mayPass: Bool {
        switch self {
        case .system(_, let path, let code): TransientCondition.mayPass(code, path: path)
        case .locked, .changed: true
        case .malformed, .tooLarge, .tooManyValues, .exists, .missing, .invalid, .hashing: false
        }
    }
}
