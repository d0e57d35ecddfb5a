import Glibc
import Platform

/// A file of the copy, read and written at offsets. One thread uses it.
final class CopyFile {
    let path: String
    private let descriptor: Int32

    /// Opens the file for reading and writing.
    ///
    /// - Parameter isNew: whether to make an empty one in place of a file that is there.
    init(_ path: String, isNew: Bool = false) throws(FileError) {
        self.path = path
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (isNew ? O_TRUNC : 0)
        descriptor = unsafe open(path, flags, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
    }

    deinit { close(descriptor) }

    func byteCount() throws(FileError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failure("fstat") }
        return max(0, Int(status.st_size))
    }

    /// Reads `count` bytes, or fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let part = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress.map { unsafe $0 + filled }, count - filled, offset + filled)
            }
            if part < 0, errno == EINTR { continue }
            guard part >= 0 else { throw failure("read") }
            guard part > 0 else { break }
            filled += part
        }
        bytes.removeLast(count - filled)
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let part = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(
                    descriptor, buffer.baseAddress.map { unsafe $0 + written }, bytes.count - written, offset + written)
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else {
                let code = part == 0 ? ENOSPC : errno
                throw .system(call: "write", path: path, code: code)
            }
            written += part
        }
    }

    func truncate(to byteCount: Int) throws(FileError) {
        guard ftruncate(descriptor, byteCount) == 0 else { throw failure("ftruncate") }
    }

    func sync() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw failure("fdatasync") }
    }

    /// Gives the file another name, replacing a file that has it.
    func rename(to name: String) throws(FileError) {
        guard unsafe Glibc.rename(path, name) == 0 else { throw failure("rename") }
    }

    private func failure(_ call: String) -> FileError { .system(call: call, path: path, code: errno) }
}
