import Accounts
import Glibc
import Platform
package import Service

/// Stores each event as a line of JSON in a file, oldest first.
///
/// The file is in the directory of the journal but not part of it: the serving process locks the journal, and operators
/// mint tokens whether the service runs or not.
package struct AuditFile: AuditSink {
    package let path: String
    package var location: String { path }
    private let directory: String

    /// - Parameter directory: the directory of the journal; created with mode 0700 if it is missing.
    package init(directory: String) {
        self.directory = directory
        path = directory + "/audit.log"
    }

    package func append(_ event: AuditEvent) throws(AuditError) {
        do throws(FileError) {
            try append(event.json)
        } catch {
            throw AuditError(description: error.description, mayPass: error.mayPass)
        }
    }

    /// Appends a complete line and its newline durably.
    func append(_ line: [UInt8]) throws(FileError) {
        try AtomicFile.makeDirectory(directory)
        let file = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw fault("open", path) }
        defer { close(file) }
        // Two commands at once must not mix their lines; closing the file releases the lock.
        while flock(file, LOCK_EX) != 0 { guard errno == EINTR else { throw fault("flock", path) } }
        try checkPlace(file)
        // A line that a crash left incomplete stays a separate line.
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

    /// Rejects a hard link: its other name may be in a place where only root may write.
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
