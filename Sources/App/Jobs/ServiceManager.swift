import CLinux
import Glibc
import Platform
package import Telemetry

/// Tells a service manager such as systemd what state the service is in, as sd_notify(3) describes: datagrams to the socket
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

    /// Half the time after which the manager takes the service for hung, in milliseconds; nil if it does not watch.
    package let watchdogInterval: Int64?
    private let address: String?
    private let log: Log

    /// - Parameters:
    ///   - environment: of the process.
    ///   - process: its id; a watchdog that is meant for another process is not ours.
    package init(_ environment: [String: String], process: Int32, log: Log) {
        self.log = log
        let named = environment["NOTIFY_SOCKET"] ?? ""
        // vsock: addresses belong to virtual machines whose init is the manager.
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

    /// Sends the state. A manager that cannot be reached changes nothing for the service; the log says so.
    ///
    /// - Parameter status: a sentence for `systemctl status`.
    package func notify(_ state: State, status: String? = nil) {
        guard let address else { return }
        let line = status.map { "\nSTATUS=" + $0.map { $0.isNewline ? " " : String($0) }.joined() } ?? ""
        let text = Array((state.text + line).utf8)
        guard unsafe clinux_send_datagram(address, text, UInt(text.count)) != 0 else { return }
        let code = errno
        log.write(.warning, "notify_failed") { $0.add("reason", FileErrorText.message(of: code)) }
    }

    /// Says `WATCHDOG=1` for as long as `isAlive` answers in time, on a thread that lives as long as the process.
    ///
    /// - Parameter isAlive: whether everything that must turn has turned within so many milliseconds.
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
