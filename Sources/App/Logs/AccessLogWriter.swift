import CLinux
import Glibc
import Platform
import Synchronization
import Telemetry

/// The thread that writes the access log. Only this thread ever waits for the file.
final class AccessLogWriter: Sendable {
    /// How long a line waits under low load, in milliseconds. Under high load the loops wake the thread.
    private static let interval: Int32 = 100
    /// How long a shutdown waits for a slow reader, in milliseconds.
    private static let farewell: Int64 = 1_000
    /// How often dropped lines are logged, in milliseconds.
    private static let noticeInterval: Int64 = 10_000

    private struct Orders {
        var wantsReopening = false
        var isStopping = false
        var hasStopped = false
    }

    let accessLog: AccessLog
    private let target: AccessLogTarget
    private let log: Log
    private let bell: Bell
    private let orders = Mutex(Orders())
    /// Moved into the thread when it starts.
    private let opened: Mutex<AccessLogFile?>

    /// Opens the file.
    /// - Throws: if it cannot be opened.
    init(_ target: AccessLogTarget, share: Double, log: Log) throws(StartError) {
        let bell = Bell()
        self.bell = bell
        self.target = target
        self.log = log
        opened = Mutex(try AccessLogFile(target))
        accessLog = AccessLog(share: share) { bell.ring() }
    }

    func start() throws(StartError) {
        try Thread.start(name: "access-log") { [self] in
            if let file = opened.withLock({ $0.take() }) { run(file) }
            orders.withLock { $0.hasStopped = true }
        }
    }

    /// Reopens the file after a log rotation renamed it.
    func reopen() {
        orders.withLock { $0.wantsReopening = true }
        bell.ring()
    }

    /// Returns when everything is written, or after a slow reader blocked for a second. Add no line afterwards.
    func stop() {
        orders.withLock { $0.isStopping = true }
        bell.ring()
        var rounds = (Self.farewell + 500) / 5
        while rounds > 0, !orders.withLock({ $0.hasStopped }) {
            Thread.sleep(milliseconds: 5)
            rounds -= 1
        }
    }

    private func run(_ file: AccessLogFile) {
        var lines = AccessLogLines(file: file)
        var noticed: (count: UInt64, at: Int64) = (0, .min / 2)
        var stopsAt: Int64?
        while true {
            let orders = orders.withLock { orders in
                defer { orders.wantsReopening = false }
                return orders
            }
            let now = MonotonicClock.nanoseconds() / 1_000_000
            if orders.wantsReopening { reopen(&lines) }
            if orders.isStopping, stopsAt == nil { stopsAt = now + Self.farewell }
            let progress = lines.move(from: accessLog)
            say(lines.news())
            let dropped = accessLog.dropped
            if dropped > noticed.count, now - noticed.at >= Self.noticeInterval {
                log.write(.warning, "access_log_lines_dropped") { $0.add("count", dropped - noticed.count) }
                noticed = (dropped, now)
            }
            if let stopsAt, progress == .nothing || now >= stopsAt { return lines.end(accessLog) }
            if progress == .nothing { bell.wait(milliseconds: Self.interval) }
        }
    }

    private func reopen(_ lines: inout AccessLogLines) {
        guard case .file(let path) = target else { return }
        do throws(StartError) {
            lines.replaceFile(with: try AccessLogFile(target))
            log.write(.info, "access_log_reopened") { $0.add("path", path) }
        } catch {
            // Keep writing to the old file instead of losing lines.
            log.write(.error, "access_log_failed") { $0.add("reason", error.description) }
        }
    }

    private func say(_ news: AccessLogLines.News?) {
        switch news {
        case nil: break
        case .failed(let reason): log.write(.error, "access_log_failed") { $0.add("reason", reason) }
        case .healed: log.write(.warning, "access_log_healed")
        }
    }
}

/// An eventfd(2) that wakes one thread. It outlives every thread that may signal it.
private final class Bell: Sendable {
    private let descriptor = clinux_eventfd()

    deinit { _ = close(descriptor) }

    func ring() {
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, MemoryLayout<UInt64>.size)
    }

    func wait(milliseconds: Int32) {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&watched, 1, milliseconds) > 0 else { return }
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
