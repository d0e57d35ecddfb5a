internal import Glibc

/// Tells circumstances that may pass, such as a full disk, from mistakes that stay until somebody mends them.
package enum TransientCondition {
    /// Whether the same call may succeed later although nobody changes a setting or a file.
    ///
    /// A path whose directory is missing, too, lies on a volume that is not mounted yet; one that alone is missing is a
    /// mistake.
    /// - Parameters:
    ///   - code: an errno(3).
    ///   - path: what the call was about; nil for none.
    package static func mayPass(_ code: Int32, path: String?) -> Bool {
        switch code {
        case EROFS, ENOSPC, EDQUOT, EFBIG, EIO, EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN, EINTR, EBUSY, ENOLCK, ESTALE,
            ENODEV, ENXIO, ENOTCONN, ETIMEDOUT, EADDRINUSE, EADDRNOTAVAIL, ECONNREFUSED, ENETDOWN, ENETUNREACH,
            EHOSTDOWN, EHOSTUNREACH:
            return true
        case ENOENT:
            guard let path else { return false }
            return unsafe access(parent(of: path), F_OK) != 0
        default: return false
        }
    }

    static func parent(of path: String) -> String {
        var trimmed = path[...]
        while trimmed.utf8.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }
}
