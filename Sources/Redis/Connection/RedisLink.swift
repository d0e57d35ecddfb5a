internal import Store

/// The connection of an engine or of a tail, with the scripts loaded. A fault closes it if it may be out of step.
final class RedisLink {
    let settings: RedisSettings
    private let finder: PrimaryFinder
    private var connection: RedisConnection?
    /// The names of the scripts in Redis: their SHA-1 in hexadecimal.
    private var hashes: [[UInt8]] = []

    init(_ settings: RedisSettings) {
        self.settings = settings
        finder = PrimaryFinder(settings)
    }

    var names: KeyNames { settings.names }

    /// Connects to the primary and loads the scripts.
    func connect(by deadline: StoreDeadline) throws(StoreFault) -> ServerRole {
        disconnect()
        let (connection, role) = try finder.connect(by: deadline)
        self.connection = connection
        try loadScripts(by: deadline)
        return role
    }

    func disconnect() { connection = nil }

    /// Sends commands and returns their replies, errors among them.
    func exchange(_ commands: CommandBuffer, by deadline: StoreDeadline) throws(StoreFault) -> [RedisReply] {
        guard let connection else { throw .unreachable(reason: "there is no connection to Redis") }
        do throws(StoreFault) {
            return try connection.exchange(commands, by: deadline)
        } catch {
            switch error {
            case .busy, .rejected, .epoch, .gone, .damaged: break
            case .unreachable, .lost, .notPrimary, .malformed, .closed: disconnect()
            }
            throw error
        }
    }

    /// Adds a call of a script.
    func add(
        _ script: RedisScript.Name, keys: [String], arguments: [[UInt8]], to commands: inout CommandBuffer
    ) {
        commands.begin(3 + keys.count + arguments.count)
        commands.add("EVALSHA")
        // Empty before the scripts are loaded; Redis then answers NOSCRIPT.
        commands.add(script.rawValue < hashes.count ? hashes[script.rawValue] : [])
        commands.add(String(keys.count))
        for key in keys { commands.add(key) }
        for argument in arguments { commands.add(argument) }
    }

    /// Calls one script, and loads it again if Redis has lost it.
    func run(
        _ script: RedisScript.Name, keys: [String], arguments: [[UInt8]], by deadline: StoreDeadline
    ) throws(StoreFault) -> RedisReply {
        for attempt in 0..<2 {
            var commands = CommandBuffer()
            add(script, keys: keys, arguments: arguments, to: &commands)
            guard let reply = try exchange(commands, by: deadline).first else { break }
            guard case .error(let text) = reply else { return reply }
            guard Self.isMissingScript(reply), attempt == 0 else { throw fault(text) }
            try loadScripts(by: deadline)
        }
        throw .malformed(reason: "no reply")
    }

    /// Returns the fault of an error reply, and notes what it says about other servers.
    func fault(_ error: [UInt8]) -> StoreFault {
        let fault = RedisErrors.fault(error)
        if let place = RedisErrors.destination(error) { finder.hint = place }
        if case .notPrimary = fault { disconnect() }
        return fault
    }

    static func isMissingScript(_ reply: RedisReply) -> Bool {
        if case .error(let text) = reply { text.starts(with: "NOSCRIPT".utf8) } else { false }
    }

    /// Makes an answer that has another form than its command gives end the connection.
    func malformed(_ what: String) -> StoreFault {
        disconnect()
        return .malformed(reason: "\(what) has another form")
    }

    func loadScripts(by deadline: StoreDeadline) throws(StoreFault) {
        var commands = CommandBuffer()
        for name in RedisScript.Name.allCases { commands.command("SCRIPT", "LOAD", RedisScript.script(name).text) }
        let replies = try exchange(commands, by: deadline)
        for case .error(let text) in replies { throw fault(text) }
        let found = replies.compactMap(\.bytes)
        guard found.count == RedisScript.Name.allCases.count, found.allSatisfy({ $0.count == 40 }) else {
            throw malformed("SCRIPT LOAD")
        }
        hashes = found
    }
}
