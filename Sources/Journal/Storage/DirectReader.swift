internal import CLinux
internal import Glibc

/// Reads a file past the page cache.
///
/// After a failed sync the page cache keeps the new bytes and marks them clean although the medium has the old ones. A
/// restart that reads through the cache would trust records that a power failure removes.
struct DirectReader: ~Copyable {
    /// The alignment of offset, length and memory that `O_DIRECT` requires on all known media.
    private static let alignment = 4_096

    private let descriptor: Int32
    private let path: String

    init(_ path: String) throws(JournalError) {
        self.path = path
        var file = unsafe clinux_open_direct(path)
        if file < 0, errno == EINVAL {
            // Some file systems such as tmpfs do not support O_DIRECT; there, the cached pages are dropped instead.
            file = unsafe open(path, O_RDONLY | O_CLOEXEC)
            if file >= 0 { posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) }
        }
        guard file >= 0 else { throw .current("open", path) }
        descriptor = file
    }

    deinit { _ = close(descriptor) }

    /// Returns up to `count` bytes from `offset` (a multiple of 4,096), fewer only at the end of the file.
    func read(at offset: UInt64, count: Int) throws(JournalError) -> [UInt8] {
        let rounded = (count + Self.alignment - 1) / Self.alignment * Self.alignment
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: rounded, alignment: Self.alignment)
        defer { unsafe buffer.deallocate() }
        var filled = 0
        while filled < rounded {
            let place = off_t(clamping: offset &+ UInt64(clamping: filled))
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let result = unsafe pread(descriptor, rest.baseAddress, rest.count, place)
            if result < 0 {
                if errno == EINTR { continue }
                throw .current("pread", path)
            }
            filled += result
            // An unaligned short read means the end of the file; O_DIRECT would reject a read from there.
            if result == 0 || filled % Self.alignment != 0 { break }
        }
        return unsafe [UInt8](UnsafeRawBufferPointer(rebasing: buffer[..<min(filled, count)]))
    }
}
