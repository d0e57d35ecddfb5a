import Synchronization

/// Passes access log lines from the event loops to the thread that writes them to a file.
///
/// A loop never waits when it passes a line on. If its buffer is full, the line is dropped and counted, so a stalled
/// disk or pipe loses lines and never delays a response.
package final class AccessLog: Sendable {
    /// The buffer size for the waiting lines of one loop, in bytes.
    package static let laneByteCount = 1 << 20
    /// The maximum size of a line, so that writing it to a pipe is atomic (PIPE_BUF, pipe(7)).
    package static let lineByteCountMax = 4_096

    /// The share of requests that are logged, in units of 1/2^32.
    private let share: UInt64
    private let wake: @Sendable () -> Void
    private let rings = Mutex<[LineRing]>([])
    private let writtenCount = Counter()
    private let droppedCount = Counter()

    /// - Parameters:
    ///   - share: the share of requests to log, 0 to 1.
    ///   - wake: wakes the writing thread early; any loop calls it, often, so it must not block.
    package init(share: Double, wake: @escaping @Sendable () -> Void) {
        self.share = share >= 1 ? 1 << 32 : share > 0 ? UInt64(share * 4_294_967_296) : 0
        self.wake = wake
    }

    package var written: UInt64 { writtenCount.value }
    package var dropped: UInt64 { droppedCount.value }

    /// Returns a new buffer for one loop, to be used by its thread only.
    package func newLane() -> LogShard {
        let ring = LineRing(byteCount: Self.laneByteCount)
        rings.withLock { $0.append(ring) }
        return LogShard(log: self, ring: ring)
    }

    package struct LogShard: Sendable {
        private let log: AccessLog
        private let ring: LineRing

        fileprivate init(log: AccessLog, ring: LineRing) {
            self.log = log
            self.ring = ring
        }

        /// Returns whether to log a request.
        ///
        /// - Parameter random: evenly distributed.
        package func samples(_ random: UInt64) -> Bool { random >> 32 < log.share }

        /// - Parameter line: with its newline.
        package func append(_ line: Span<UInt8>) {
            guard line.count <= AccessLog.lineByteCountMax, let waiting = ring.append(line) else {
                log.droppedCount.add()
                return
            }
            // The thread polls at intervals; it is woken earlier only when lines arrive fast.
            let mark = AccessLog.laneByteCount / 4
            if waiting >= mark, waiting &- line.count < mark { log.wake() }
        }
    }

    // MARK: The writing thread's side

    /// Appends each loop's lines to its own element of `outputs`; must always be called by the same thread.
    ///
    /// - Parameter byteCountMax: the maximum size of an element. Its last line may be incomplete; the next call appends
    ///   the rest to the same element. The elements are in the order of ``newLane()``.
    package func take(into outputs: inout [[UInt8]], byteCountMax: Int) {
        let rings = rings.withLock { $0 }
        while outputs.count < rings.count { outputs.append([]) }
        for (index, ring) in rings.enumerated() {
            ring.take(into: &outputs[index], byteCountMax: byteCountMax - outputs[index].count)
        }
    }

    package func countWritten(_ lines: Int) { writtenCount.add(UInt64(clamping: lines)) }

    package func countDropped(_ lines: Int) { droppedCount.add(UInt64(clamping: lines)) }
}
