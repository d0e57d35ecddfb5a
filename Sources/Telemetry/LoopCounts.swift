import Synchronization

/// Counts and a latency histogram that one thread writes and any thread reads.
///
/// With a single writer no read-modify-write is needed: a relaxed load and a relaxed store are as fast as plain memory.
@safe package final class LoopCounts: Sendable {
    /// The upper bounds of the latency buckets in microseconds; a last bucket counts the rest.
    package static let bucketBounds: [Int64] = [
        50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    ]

    private let rows: Int
    private let columns: Int
    /// Owned; freed in `deinit`, never resized.
    private nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let cellCount: Int

    /// - Parameters:
    ///   - rows: the number of routes.
    ///   - columns: the number of outcomes per route.
    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        cellCount = rows * columns + rows * (Self.bucketBounds.count + 2)
        unsafe cells = .allocate(capacity: cellCount)
        for index in 0..<cellCount { unsafe (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe cells.deinitialize(count: cellCount)
        unsafe cells.deallocate()
    }

    /// Counts one response. Only the owning thread may call this.
    package func record(row: Int, column: Int, microseconds: Int64) {
        guard (0..<rows).contains(row), (0..<columns).contains(column) else { return }
        raise(row * columns + column, by: 1)
        let width = Self.bucketBounds.count + 2
        let start = rows * columns + row * width
        var bucket = 0
        while bucket < Self.bucketBounds.count, microseconds > Self.bucketBounds[bucket] { bucket += 1 }
        raise(start + bucket, by: 1)
        raise(start + width - 1, by: UInt64(clamping: microseconds))
    }

    package func count(row: Int, column: Int) -> UInt64 {
        guard (0..<rows).contains(row), (0..<columns).contains(column) else { return 0 }
        return read(row * columns + column)
    }

    /// Returns the number of responses in each bucket (not cumulative), and the sum of their microseconds.
    package func latencies(row: Int) -> (buckets: [UInt64], sum: UInt64) {
        let width = Self.bucketBounds.count + 2
        let start = rows * columns + row * width
        return ((0..<(width - 1)).map { read(start + $0) }, read(start + width - 1))
    }

    private func raise(_ index: Int, by amount: UInt64) {
        let value = unsafe cells[index].load(ordering: .relaxed)
        unsafe cells[index].store(value &+ amount, ordering: .relaxed)
    }

    private func read(_ index: Int) -> UInt64 {
        unsafe cells[index].load(ordering: .relaxed)
    }
}
