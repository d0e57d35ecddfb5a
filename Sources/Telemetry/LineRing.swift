import Synchronization

/// Passes lines from one writing thread to one reading thread. Neither waits for the other: a line that does not fit is
/// rejected.
@safe package final class LineRing: Sendable {
    /// A power of two.
    private let byteCount: Int
    /// Owned; freed in `deinit`, never resized. The bytes between the two positions belong to the reader, the rest to
    /// the writer, and each moves its own position only after it is done with the bytes.
    private nonisolated(unsafe) let octets: UnsafeMutablePointer<UInt8>
    /// The total bytes written and taken; they wrap.
    private let written = Atomic<UInt>(0)
    private let taken = Atomic<UInt>(0)

    /// - Parameter byteCount: rounded up to a power of two, at least 64.
    package init(byteCount: Int) {
        var rounded = 64
        while rounded < min(byteCount, 1 << 30) { rounded <<= 1 }
        self.byteCount = rounded
        unsafe octets = .allocate(capacity: rounded)
        unsafe octets.initialize(repeating: 0, count: rounded)
    }

    deinit { unsafe octets.deallocate() }

    /// Appends a whole line or nothing. Only the writing thread may call this.
    ///
    /// - Returns: how many bytes wait afterwards, out of ``byteCount``; nil if the line does not fit.
    package func append(_ line: Span<UInt8>) -> Int? {
        let end = written.load(ordering: .relaxed)
        let waiting = Int(bitPattern: end &- taken.load(ordering: .acquiring))
        guard line.count <= byteCount &- waiting else { return nil }
        let start = Int(bitPattern: end & UInt(bitPattern: byteCount &- 1))
        let first = min(line.count, byteCount &- start)
        unsafe line.withUnsafeBufferPointer { source in
            // Both pieces end inside the ring: the first at its end at the latest, the second before ``taken``.
            guard let base = source.baseAddress else { return }
            unsafe (octets + start).update(from: base, count: first)
            unsafe octets.update(from: base + first, count: line.count &- first)
        }
        written.store(end &+ UInt(bitPattern: line.count), ordering: .releasing)
        return waiting &+ line.count
    }

    /// Moves waiting bytes to the end of `output`, possibly ending inside a line. Only the reading thread may call
    /// this.
    ///
    /// - Parameter byteCountMax: the maximum for one call.
    package func take(into output: inout [UInt8], byteCountMax: Int) {
        let begin = taken.load(ordering: .relaxed)
        let waiting = Int(bitPattern: written.load(ordering: .acquiring) &- begin)
        let count = min(waiting, max(0, byteCountMax))
        let start = Int(bitPattern: begin & UInt(bitPattern: byteCount &- 1))
        let first = min(count, byteCount &- start)
        unsafe output.append(contentsOf: UnsafeBufferPointer(start: octets + start, count: first))
        unsafe output.append(contentsOf: UnsafeBufferPointer(start: octets, count: count &- first))
        taken.store(begin &+ UInt(bitPattern: count), ordering: .releasing)
    }

    package var isEmpty: Bool {
        written.load(ordering: .relaxed) == taken.load(ordering: .relaxed)
    }
}
