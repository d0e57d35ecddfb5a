import Synchronization

/// Lines about requests, from the loops that answer them to the thread that writes them to a file.
///
/// A loop hands a line over without waiting for anybody. What finds its loop's room full is dropped and counted, so a disk
/// that stands still or a pipe that nobody reads costs lines and never an answer.
package final class AccessLog: Sendable {
    /// What one loop's lines may occupy while they wait.
    package static let laneByteCount = 1 << 20
    /// No line is longer, so that one goes into a pipe whole (PIPE_BUF, pipe(7)).
    package static let lineByteCountMax = 4_096

    /// The share of requests that are told of, in 2^32 parts.
    private let share: UInt64
    private let wake: @Sendable () -> Void
    private let rings = Mutex<[LineRing]>([])
    private let writtenCount = Counter()
    private let droppedCount = Counter()

    /// - Parameters:
    ///   - share: of the requests, 0 to 1.
    ///   - wake: has the writing thread look before its time; called by any loop, often, and must not wait.
    package init(share: Double, wake: @escaping @Sendable () -> Void) {
        self.share = share >= 1 ? 1 << 32 : share > 0 ? UInt64(share * 4_294_967_296) : 0
        self.wake = wake
    }

    package var written: UInt64 { writtenCount.value }
    package var dropped: UInt64 { droppedCount.value }

    /// One loop's way in, for its thread only.
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

        /// Whether a request is among those that are told of.
        ///
        /// - Parameter random: evenly distributed.
        package func samples(_ random: UInt64) -> Bool { random >> 32 < log.share }

        /// - Parameter line: with its newline.
        package func append(_ line: Span<UInt8>) {
            guard line.count <= AccessLog.lineByteCountMax, let waiting = ring.append(line) else {
                log.droppedCount.add()
                return
            }
            // The thread looks every now and then; in between it is called only when lines come fast.
            let mark = AccessLog.laneByteCount / 4
            if waiting >= mark, waiting &- line.count < mark { log.wake() }
        }
    }

    // MARK: The writing thread's side

    /// Moves lines of all loops behind `output`; the same thread must call this every time.
    ///
    /// - Parameter byteCountMax: of each loop. The last line of a loop may be cut, so a loop's rest goes into the same
    ///   `output` next time: hence one buffer for each loop, in the order of ``newLane()``.
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
