internal import Glibc

/// What an operator reads when a system call fails for a file: what is wrong, and what to do about it.
package enum FileErrorText {
    /// - Parameters:
    ///   - call: the system call, such as `open`; named only where the error says too little by itself.
    ///   - code: its errno(3).
    package static func text(_ path: String, _ call: String, _ code: Int32) -> String {
        "\(path): \(remedied(path, code) ?? "\(call): \(message(of: code))")"
    }

    /// - Returns: nil for an error without a remedy of its own.
    package static func remedied(_ path: String, _ code: Int32) -> String? {
        switch code {
        case ENOENT:
            let parent = absolute(TransientCondition.parent(of: path))
            guard unsafe access(parent, F_OK) != 0 else {
                return "no such file or directory in \(parent). Check the name"
            }
            return "the directory \(parent) does not exist. Create it, mount its volume, or name another path"
        case EISDIR: return "this is a directory, not a file. Name a file"
        case ENOTDIR:
            return unsafe access(path, F_OK) == 0
                ? "this is a file, not a directory. Name a directory" : "a part of this path is a file, not a directory"
        case EACCES:
            return "Permission denied to user \(geteuid())\(owner(of: path)). Run as a user who may, "
                + "or change its owner or mode"
        case EROFS: return "\(message(of: code)). Mount it for writing, or name another path"
        case ENOSPC: return "\(message(of: code)). Free some space and try again"
        case EDQUOT: return "\(message(of: code)). Free some space and try again"
        case EMFILE: return "\(message(of: code)). Raise the limit of this process (ulimit -n, LimitNOFILE)"
        case ELOOP:
            return "this is a symbolic link that loops or is not followed. Name the file itself"
        case ENAMETOOLONG: return "this name is too long for the file system"
        case EBUSY: return "busy; if the file itself is a mount, mount its directory instead"
        case EMLINK:
            return "the file has other names (hard links), which may belong to another user; remove them"
        default: return nil
        }
    }

    /// strerror_r(3).
    package static func message(of code: Int32) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let start = buffer.baseAddress, unsafe strerror_r(code, start, buffer.count) == 0 else {
                return "error \(code)"
            }
            return unsafe String(cString: start)
        }
    }

    /// Empty where a directory above must not be searched, so that nothing is known.
    private static func owner(of path: String) -> String {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return "" }
        return " (owner \(status.st_uid), group \(status.st_gid), mode 0\(String(status.st_mode & 0o7777, radix: 8)))"
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let current = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(current) }
        return unsafe path == "." ? String(cString: current) : String(cString: current) + "/" + path
    }
}
