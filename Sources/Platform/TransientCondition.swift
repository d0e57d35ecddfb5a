internal import Glibc

/// Distinguishes temporary conditions, such as a full disk, from mistakes that need a change by the operator.
package enum TransientCondition {
    /// Returns whether the same call may succeed later without a change to a setting or a file.
    ///
    /// A missing file is a mistake, but a missing parent directory may be on a volume that is not mounted yet.
    /// - Parameters:
    ///   - code: an errno(3) value.
    ///   - path: the file that the call named; nil for none.
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
