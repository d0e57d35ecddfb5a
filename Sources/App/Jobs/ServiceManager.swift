import CLinux
import Glibc
import Platform
package import Telemetry

/// Reports the state of the service to a service manager such as systemd (sd_notify(3)), by datagrams to the socket
/// that `NOTIFY_SOCKET` names. Without that variable nothing is sent.
package struct ServiceManager: Sendable {
    package enum State: Equatable, Sendable {
        case ready
        /// - Parameter monotonic: nanoseconds of CLOCK_MONOTONIC, which systemd compares with its own.
        case reloading(monotonic: Int64)
        case stopping
        case alive

        var text: String {
            switch self {
            case .ready: "READY=1"
            case .reloading(let monotonic): "RELOADING=1\nMONOTONIC_USEC=\(monotonic / 1_000)"
            case .stopping: "STOPPING=1"
            case .alive: "WATCHDOG=1"
            }
        }
    }

    /// Half of the manager's watchdog timeout, in milliseconds; nil without a watchdog.
    package let watchdogInterval: Int64?
    private let address: String?
    private let log: Log

    /// - Parameters:
    ///   - environment: the environment of the process.
    ///   - process: the process id. A watchdog for another process is ignored.
    package init(_ environment: [String: String], process: Int32, log: Log) {
        self.log = log
        let named = environment["NOTIFY_SOCKET"] ?? ""
        // vsock: addresses are for virtual machines, where init is the manager.
        address = named.hasPrefix("/") || named.hasPrefix("@") ? named : nil
        if address == nil, !named.isEmpty {
            log.write(.warning, "notify_failed") { line in
                line.add("reason", "NOTIFY_SOCKET is neither a path nor an abstract socket")
            }
        }
        let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdogInterval = isOurs && address != nil && microseconds > 0 ? max(1, microseconds / 2_000) : nil
    }

    /// Sends the state. If the manager is unreachable, the service continues and logs that.
    ///
    /// - Parameter status: the text for `systemctl status`.
    package func notify(_ state: State, status: String? = nil) {
        guard let address else { return }
        let line = status.map { "\nSTATUS=" + $0.map { $0.isNewline ? " " : String($0) }.joined() } ?? ""
        let text = Array((state.text + line).utf8)
        guard unsafe clinux_send_datagram(address, text, UInt(text.count)) != 0 else { return }
        let code = errno
        log.write(.warning, "notify_failed") { $0.add("reason", FileErrorText.message(of: code)) }
    }

    /// Sends `WATCHDOG=1` while `isAlive` returns true, from a thread that never ends.
    ///
    /// - Parameter isAlive: whether all event loops made progress within the given number of milliseconds.
    package func startWatchdog(_ isAlive: @escaping @Sendable (_ milliseconds: Int64) -> Bool) throws(StartError) {
        guard let watchdogInterval else { return }
        try Thread.start(name: "watchdog") { [self] in
            while true {
                if isAlive(watchdogInterval) { notify(.alive) }
                Thread.sleep(milliseconds: Int(clamping: min(watchdogInterval, 1_000_000)))
            }
        }
    }
}
