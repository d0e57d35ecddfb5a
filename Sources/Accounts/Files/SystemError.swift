import Glibc

/// What `errno` says in words.
enum SystemError {
    static func text(_ code: Int32) -> String {
        switch code {
        case EBUSY: "busy; if the file itself is a mount, mount its directory instead"
        case EMLINK: "the file has other names (hard links), which may belong to somebody else; remove them"
        default: unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        }
    }
}
