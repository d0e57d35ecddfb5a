package import Platform
import Synchronization

/// The way out for log lines, which nobody who only wants an answer waits behind.
///
/// A reader that stalls would otherwise stop every loop at its next line. It is waited for once, for a moment; from then on
/// lines are dropped and counted until it reads again, and the count is the first thing it is told.
package final class LogSink: Sendable {
    /// How long a reader may make one line wait, in milliseconds.
    private static let patience: Int32 = 100

    private let form: Log.Form
    private let clock: WallClock
    private let isReady: @Sendable (_ milliseconds: Int32) -> Bool
    private let write: @Sendable ([UInt8]) -> Void
    private let lostCount = Mutex<Int64>(0)

    /// - Parameters:
    ///   - isReady: whether a line can be written at once, or within so many milliseconds.
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
