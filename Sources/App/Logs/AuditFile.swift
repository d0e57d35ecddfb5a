import Accounts
import Glibc
package import Platform

/// What operators did outside the running service, one line of JSON each, in the order in which it was done.
///
/// The file lies beside the journal and is no part of it: the journal is locked by the process that serves, while a token
/// can be minted whether one serves or not. A line is on the disk before what it tells of is handed out.
package struct AuditFile: Sendable {
    package let path: String
    private let directory: String

    /// - Parameter directory: the journal's; made with mode 0700 where it is missing.
    package init(directory: String) {
        self.directory = directory
        path = directory + "/audit.log"
    }

    /// Appends a line, whole and through to the disk; its newline is added here.
    package func append(_ line: [UInt8]) throws(FileError) {
        try AtomicFile.makeDirectory(directory)
        let file = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw fault("open", path) }
        defer { close(file) }
        // Lines of two commands at once must not mix; closing gives the lock back.
        while flock(file, LOCK_EX) != 0 { guard errno == EINTR else { throw fault("flock", path) } }
        try checkPlace(file)
        // What a crash left half-written stays a line of its own.
        let octets = (try endsWhole(file) ? [] : [0x0A]) + line + [0x0A]
        var rest = octets[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fault("write", path) }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else { throw fault("fsync", path) }
        let folder = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw fault("open", directory) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw fault("fsync", directory) }
    }

    /// Another name of the file may lie where the directory's owner has no rights: root would write there for him.
    private func checkPlace(_ file: Int32) throws(FileError) {
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw fault("fstat", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .system(call: "open", path: path, code: EINVAL) }
        guard status.st_nlink == 1 else { throw .system(call: "open", path: path, code: EMLINK) }
        try AtomicFile.takeDirectoryOwner(file, path)
    }

    private func endsWhole(_ file: Int32) throws(FileError) -> Bool {
        let end = lseek(file, 0, SEEK_END)
        guard end >= 0 else { throw fault("lseek", path) }
        guard end > 0 else { return true }
        var last: UInt8 = 0
        guard unsafe pread(file, &last, 1, end - 1) == 1 else { throw fault("read", path) }
        return last == 0x0A
    }

    private func fault(_ call: String, _ path: String) -> FileError {
        .system(call: call, path: path, code: errno)
    }
}
