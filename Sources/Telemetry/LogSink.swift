package import Platform
import Synchronization

/// Writes log lines without ever blocking a request on a slow reader.
///
/// A stalled reader would otherwise block every loop at its next line. The sink waits for it once and briefly; from
/// then on it drops and counts lines until the reader continues, and then writes the count first.
package final class LogSink: Sendable {
    /// How long one line may wait for the reader, in milliseconds.
    private static let patience: Int32 = 100

    private let form: Log.Form
    private let clock: WallClock
    private let isReady: @Sendable (_ milliseconds: Int32) -> Bool
    private let write: @Sendable ([UInt8]) -> Void
    private let lostCount = Mutex<Int64>(0)

    /// - Parameters:
    ///   - isReady: returns whether a line can be written within the given milliseconds; 0 does not wait.
    ///   - write: writes one whole line.
    package init(
        form: Log.Form, clock: WallClock, isReady: @escaping @Sendable (_ milliseconds: Int32) -> Bool,
        write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.form = form
        self.clock = clock
        self.isReady = isReady
        self.write = write
    }

    package func take(_ line: [UInt8]) {
        lostCount.withLock { lostCount in
            guard isReady(lostCount == 0 ? Self.patience : 0) else {
                lostCount &+= 1
                return
            }
            if lostCount > 0 {
                write(notice(lostCount))
                lostCount = 0
                guard isReady(0) else {
                    lostCount = 1
                    return
                }
            }
            write(line)
        }
    }

    private func notice(_ count: Int64) -> [UInt8] {
        var line = LogLine(form: form, milliseconds: clock.now, level: Log.Level.warning.name, event: "log_lines_lost")
        line.add("count", count)
        return line.finished()
    }
}
