internal import Glibc
internal import Synchronization

/// A file without a name, for content that is too large for memory. Its space is freed with the last reference.
package final class ScratchFile: Sendable {
    private static let serial = Atomic<UInt64>(0)

    private let descriptor: Int32
    /// For errors.
    private let path: String

    /// - Parameter directory: where the space is taken from.
    package init(in directory: String) throws(FileError) {
        let serial = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
        path = "\(directory)/.scratch.\(getpid()).\(serial).tmp"
        // A process that crashed with the same process id may have left this file; in containers ids repeat.
        unsafe unlink(path)
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        descriptor = unsafe open(path, flags, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        unsafe unlink(path)
    }

    deinit { _ = close(descriptor) }

    package func write(_ bytes: [UInt8], at start: Int) throws(FileError) {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[offset...])
                return unsafe pwrite(descriptor, rest.baseAddress, rest.count, start &+ offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(call: "write", path: path, code: count == 0 ? ENOSPC : errno) }
            offset += count
        }
    }

    /// Returns `count` bytes, fewer only at the end of the file.
    package func read(at start: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let more = unsafe pread(
                    descriptor, buffer.baseAddress.map { unsafe $0 + filled }, count - filled, start &+ filled)
                if more < 0, errno == EINTR { continue }
                if more < 0 { failure = errno }
                guard more > 0 else { return }
                filled += more
            }
        }
        guard failure == 0 else { throw .system(call: "read", path: path, code: failure) }
        return bytes
    }
}
