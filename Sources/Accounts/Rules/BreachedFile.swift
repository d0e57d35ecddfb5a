import Glibc
import Platform

/// An open file of which parts are read (pread(2)).
final class BreachedFile {
    let path: String
    let byteCount: Int
    private let descriptor: Int32

    /// - Throws: `.file` if the file cannot be opened, `.breachedList` for anything but a regular file with content.
    init(_ path: String) throws(AccountsError) {
        self.path = path
        // A FIFO without a writer must not block.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .file(.system(call: "open", path: path, code: errno)) }
        self.descriptor = descriptor
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .breachedList(path: path, line: 1, expected: "a regular file")
        }
        byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            close(descriptor)
            throw .breachedList(path: path, line: 1, expected: "\(BreachedLine.expected); the file is empty")
        }
    }

    deinit { close(descriptor) }

    /// Returns the bytes from `offset` on: `count` of them, or fewer at the end of the file.
    func read(_ count: Int, at offset: Int) throws(AccountsError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let more = unsafe pread(
                    descriptor, buffer.baseAddress.map { unsafe $0 + filled }, count - filled, off_t(offset + filled))
                if more < 0, errno == EINTR { continue }
                if more < 0 { failure = errno }
                guard more > 0 else { return }
                filled += more
            }
        }
        guard failure == 0 else { throw .file(.system(call: "pread", path: path, code: failure)) }
        return bytes
    }

    /// Returns the number of the line that begins at `offset`. It reads everything before, so only for errors.
    func line(at offset: Int) throws(AccountsError) -> Int {
        let pieceByteCount = 1 << 20
        var line = 1
        var position = 0
        while position < offset {
            let piece = try read(min(pieceByteCount, offset - position), at: position)
            guard !piece.isEmpty else { break }
            line += piece.count { $0 == UInt8(ascii: "\n") }
            position += piece.count
        }
        return line
    }
}
