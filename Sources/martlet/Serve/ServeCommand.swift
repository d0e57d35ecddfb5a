import API
import App
import Glibc
import HTTP
import HTTPServer
import Telemetry

/// Implements `martlet serve`: reads the settings, builds the service, and runs it until SIGTERM or SIGINT.
enum ServeCommand {
    static var usage: String {
        let width = Setting.allCases.map(\.flag.count).max() ?? 0
        let rows = Setting.allCases.map { setting in
            let padding = String(repeating: " ", count: width - setting.flag.count)
            let otherwise = setting.defaultText.isEmpty ? "" : " (\(setting.defaultText))"
            return "  \(setting.flag)\(padding)  \(setting.summary)\(otherwise)"
        }
        return """
            usage: martlet serve [--check] [OPTIONS]

            Each option of the list is also an environment variable: --access-ttl is MARTLET_ACCESS_TTL. An option
            overrides its variable.
            --dev-tls makes every TCP address of --listen use TLS, with a self-signed certificate for localhost that is
            stored in the directory of the journal.
            --check reports every mistake that a start would report, changes nothing, and exits with 0 or 2, or with 75 if
            the only obstacle is an address in use. You can run it while the service is running: the addresses of
            that service do not count as in use.

            \(rows.joined(separator: "\n"))

            On SIGTERM and SIGINT the service finishes the requests in progress and exits with 0; during a start it
            exits at once. On SIGHUP it reloads users, clients, keys and the TLS certificate.
            Exit code: 0 stopped by a signal; 2 a mistake in a setting, a file or a key; 75 a temporary condition: the
            journal or an address is in use, or a volume is missing, read-only or full. Start again later.

            """
    }

    static func run(_ words: [String]) -> Int32 {
        let configuration: Configuration
        let isCheck = words.contains("--check")
        do {
            configuration = try self.configuration(words.filter { $0 != "--check" })
        } catch let fault as ArgumentsError {
            if fault == .helpWanted {
                Terminal.write(usage)
                return 0
            }
            Terminal.writeError("martlet serve: \(fault)\n")
            return 2
        } catch let error as ConfigurationError {
            for mistake in error.mistakes { Terminal.writeError("martlet: \(mistake)\n") }
            return 2
        } catch {
            Terminal.writeError("martlet: \(error)\n")
            return 2
        }
        if isCheck { return check(configuration) }
        return serve(configuration)
    }

    /// Checks whether a start would find an error, without starting.
    private static func check(_ configuration: Configuration) -> Int32 {
        for warning in configuration.warnings {
            Terminal.writeError("martlet: warning: \(warning.names.joined(separator: ", ")): \(warning.remedy)\n")
        }
        let mistakes = StartCheck.mistakes(configuration)
        for mistake in mistakes { Terminal.writeError("martlet: \(mistake)\n") }
        let obstacles = obstacles(configuration)
        for obstacle in obstacles { Terminal.writeError("martlet: \(obstacle)\n") }
        guard mistakes.isEmpty, obstacles.allSatisfy(\.mayPass) else { return ExitCode.usage }
        guard obstacles.isEmpty else { return ExitCode.unavailable }
        Terminal.writeError("martlet: found no mistake; the service can start\n")
        return ExitCode.ok
    }

    /// What prevents the service from listening. Only the start gets the sockets of a service manager, so they are
    /// excluded.
    private static func obstacles(_ configuration: Configuration) -> [ServerError] {
        let isServed = StartCheck.isServed(configuration)
        return listeners(configuration).compactMap { listener in
            if case .inherited = listener.address { return nil }
            do throws(ServerError) {
                try Server.rehearse(
                    [listener], inherited: [], awaitsPredecessor: isServed || configuration.listen.handoverPath != nil)
                return nil
            } catch {
                return error
            }
        }
    }

    /// The environment, overridden by the flags.
    static func configuration(_ words: [String]) throws -> Configuration {
        let arguments = try Arguments(words, options: Setting.allCases.map { .value($0.flag) } + [.flag("--dev-tls")])
        var values = Environment.values
        for setting in Setting.allCases {
            if let value = arguments.value(setting.flag) { values[setting.name] = value }
        }
        let configuration = try Configuration(
            environment: values, cores: Environment.coreCount, memoryLimit: Environment.memoryLimit,
            selfSigned: arguments.has("--dev-tls"))
        _ = try FollowedServer.sources(configuration)
        return configuration
    }

    private static func serve(_ configuration: Configuration) -> Int32 {
        Signals.block()
        let log = log(configuration)
        if !configuration.serviceLinks.isEmpty {
            log.write(.info, "service_links_ignored") { line in
                line.add("variables", configuration.serviceLinks.joined(separator: " "))
            }
        }
        let manager = ServiceManager(Environment.values, process: getpid(), log: log)
        let duty = SignalDuty { signal in
            log.write(.info, "start_abandoned") { $0.add("signal", signal) }
            manager.notify(.stopping, status: "Stopped during the start")
            _exit(ExitCode.ok)
        }
        let descriptorLimit = DescriptorLimit.raise()
        let graph: ServiceContainer
        let server: Server
        let handover: HandoverServer?
        do {
            try Signals.wait { duty.take($0) }
            let succession = try HandoverClient(configuration, Environment.values, log: log)
            try Server.rehearse(
                listeners(configuration), inherited: succession.inherited,
                awaitsPredecessor: configuration.listen.handoverPath != nil)
            if let node = try FollowedServer.node(configuration, log) {
                graph = try ServiceContainer(configuration, following: node, log: log, takeOver: succession.takeOver)
            } else {
                let engines = try StoreEngines.source(configuration.store)
                graph = try ServiceContainer(configuration, on: engines, log: log, takeOver: succession.takeOver)
            }
            var options = options(configuration, graph)
            options.inherited = succession.inherited
            server = try Server(options) { _ in
                do {
                    return try Application(shared: graph.shared)
                } catch {
                    preconditionFailure("what could be made at the start can be made for a loop: \(error)")
                }
            }
            duty.begin { [server] signal in
                if signal == SIGHUP {
                    manager.notify(.reloading(monotonic: MonotonicClock.nanoseconds()), status: "Reloading")
                    graph.reload()
                    manager.notify(.ready, status: status(graph))
                } else {
                    log.write(.info, "draining") { $0.add("signal", signal) }
                    graph.announceEnd()
                    manager.notify(.stopping, status: "Finishing requests in progress")
                    server.beginDrain()
                }
            }
            handover = try succession.offer(server) {
                manager.notify(.stopping, status: "Handed over to another process")
            }
            try manager.startWatchdog { [server] in server.isAlive(withinMilliseconds: $0) }
        } catch {
            Terminal.writeError("martlet: \(error)\n")
            return mayPass(error) ? ExitCode.unavailable : ExitCode.usage
        }
        warn(of: descriptorLimit, configuration, log)
        sayListeners(configuration, server, log)
        manager.notify(.ready, status: status(graph))
        server.run()
        handover?.remove()
        graph.close()
        log.write(.info, "stopped")
        return 0
    }

    private static func log(_ configuration: Configuration) -> Log {
        // poll(2) always says that a regular file is ready.
        let isFile = Terminal.isRegularFile(STDERR_FILENO)
        let outlet = LogSink(
            form: configuration.log.form, clock: SystemClock.wall,
            pieceByteCountMax: isFile ? .max : LogSink.pieceByteCountMax,
            isReady: { isFile || Terminal.isReady(STDERR_FILENO, withinMilliseconds: $0) },
            write: { Terminal.write($0, to: STDERR_FILENO) })
        return Log(level: configuration.log.level, form: configuration.log.form, clock: SystemClock.wall) {
            outlet.take($0)
        }
    }

    private static func sayListeners(_ configuration: Configuration, _ server: Server, _ log: Log) {
        for (listener, port) in zip(listeners(configuration), server.boundPorts) {
            log.write(.info, "listening") { line in
                let prefix = (listener.usesProxyProtocol ? "proxy+" : "") + (listener.isSecure ? "https://" : "")
                line.add("address", prefix + listener.address.described(port: port))
                line.add("role", listener.role == .service ? "service" : "operator")
            }
        }
    }

    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let fault as StartError: fault.mayPass
        case let fault as ServerError: fault.mayPass
        default: false
        }
    }

    /// Returns the text that `systemctl status` prints.
    private static func status(_ graph: ServiceContainer) -> String {
        let failed = graph.shared.reloads.failures.map(\.source.rawValue)
        return failed.isEmpty ? "Serving" : "Serving; reload failed: \(failed.joined(separator: ", "))"
    }

    /// Warns the operator about a low limit: connections above it wait in the queue instead of receiving 503.
    private static func warn(of limit: Int?, _ configuration: Configuration, _ log: Log) {
        let needed = DescriptorLimit.needed(
            connections: configuration.limits.connections, loops: configuration.limits.threads)
        guard let limit, limit < needed else { return }
        log.write(.warning, "descriptor_limit_low") { line in
            line.add("limit", limit)
            line.add("needed", needed)
            line.add("connections", configuration.limits.connections)
        }
    }

    private static func options(_ configuration: Configuration, _ graph: ServiceContainer) -> ServerOptions {
        var options = ServerOptions(
            listeners: listeners(configuration), threads: configuration.limits.threads,
            limits: Limits(configuration.limits), counters: graph.connections)
        options.identity = graph.identity
        options.trust = configuration.listen.trust
        // A browser that received this once would reject everything else on localhost for a year.
        options.demandsTLS = configuration.tls.files?.isSelfSigned != true
        return options
    }

    private static func listeners(_ configuration: Configuration) -> [Listener] {
        configuration.listen.addresses.map { $0.listener(.service) }
            + configuration.listen.operatorAddresses.map { $0.listener(.operator) }
    }
}

extension ListenAddress {
    /// Returns the description with the actual port where 0 was requested.
    fileprivate func described(port: UInt16) -> String {
        guard case .tcp(let host, _) = self else { return description }
        return ListenAddress.tcp(host: host, port: port).description
    }
}
