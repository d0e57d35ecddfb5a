/// Why a file or a directory could not be read, written or listed. The description is for the operator.
package enum FileError: Error, Equatable, Sendable {
    /// A system call that failed; `code` is its errno(3).
    case system(call: String, path: String, code: Int32)
    case tooLarge(path: String, byteCountMax: Int)
    /// Another process holds the lock file.
    case locked(path: String)
    /// Another program replaced the file while it was being edited, again and again.
    case changed(path: String)
}

extension FileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let call, let path, let code): FileErrorText.text(path, call, code)
        case .tooLarge(let path, let byteCountMax): "\(path): larger than the limit of \(byteCountMax) bytes"
        case .locked(let path): "\(path): another command holds the lock; try again when it is done"
        case .changed(let path):
            "\(path): another program keeps changing the file; nothing was written. Try again when it is done"
        }
    }
}

extension FileError {
    /// Whether the same command may succeed later without a change to a setting or a file.
    package var mayPass: Bool {
        switch self {
        case .system(_, let path, let code): TransientCondition.mayPass(code, path: path)
        case .locked, .changed: true
        case .tooLarge: false
        }
    }
}
