internal import Glibc
internal import Platform
internal import Store

/// Finds the server that takes writes, and connects to it: the address of the settings, or what Sentinels or other servers
/// say.
final class PrimaryFinder {
    /// How often servers may name other servers in one attempt.
    private static let hopCountMax = 4

    private let settings: RedisSettings
    /// What the last server named as the primary or as the owner of the keys; it is tried once, before the settings.
    var hint: (host: String, port: UInt16)?

    init(_ settings: RedisSettings) {
        self.settings = settings
    }

    /// Returns a connection whose server is a primary, and the replicas that it has.
    func connect(by deadline: StoreDeadline) throws(StoreFault) -> (RedisConnection, ServerRole) {
        if let hint {
            self.hint = nil
            do throws(StoreFault) {
                return try connect(to: hint, by: .after(milliseconds: Int(deadline.milliseconds) / 2))
            } catch {
                // The settings are tried next.
            }
        }
        guard let name = settings.place.primaryName else {
            guard let host = settings.place.hosts.first else { throw .unreachable(reason: "no address") }
            return try connect(to: (host.name, host.port), by: deadline)
        }
        return try connect(to: try askSentinels(for: name, by: deadline), by: deadline)
    }

    /// Connects, and follows servers that are replicas to their primary.
    private func connect(
        to place: (host: String, port: UInt16), by deadline: StoreDeadline
    ) throws(StoreFault) -> (RedisConnection, ServerRole) {
        var place = place
        for _ in 0..<Self.hopCountMax {
            let connection = try open(place, by: deadline)
            let role = try role(of: connection, by: deadline)
            switch role {
            case .primary: return (connection, role)
            case .replica(let host, let port): place = (host, port)
            }
        }
        throw .notPrimary(reason: "the servers name each other as the primary")
    }

    private func open(
        _ place: (host: String, port: UInt16), by deadline: StoreDeadline
    ) throws(StoreFault) -> RedisConnection {
        let connection = try RedisConnection(
            host: place.host, port: place.port, tls: try settings.tls?.context(), by: deadline)
        if let password = settings.password {
            var commands = CommandBuffer()
            commands.begin(settings.place.user == nil ? 2 : 3)
            commands.add("AUTH")
            if let user = settings.place.user { commands.add(user) }
            var bytes = password.octets
            commands.add(bytes)
            for index in bytes.indices { bytes[index] = 0 }
            let replies = try connection.exchange(commands, by: deadline, isHandshake: true, isQuiet: true)
            commands.erase()
            if case .error(let text)? = replies.first { throw RedisErrors.fault(text, isQuiet: true) }
        } else if settings.place.user != nil {
            throw .rejected(
                reason: "the address names a user of Redis, but there is no password",
                remedy: "Set MARTLET_STORE_PASSWORD_FILE to a file that contains it.")
        }
        return connection
    }

    private func role(of connection: RedisConnection, by deadline: StoreDeadline) throws(StoreFault) -> ServerRole {
        var commands = CommandBuffer()
        commands.command("CLIENT", "SETNAME", "martlet")
        commands.command("ROLE")
        if settings.place.database != 0 { commands.command("SELECT", String(settings.place.database)) }
        let replies = try connection.exchange(commands, by: deadline, isHandshake: true)
        for case .error(let text) in replies { throw RedisErrors.fault(text) }
        guard replies.count >= 2, let role = ServerRole(replies[1]) else {
            throw .malformed(reason: "ROLE has another form")
        }
        return role
    }

    /// Returns what the first Sentinel says that knows the name.
    private func askSentinels(
        for name: String, by deadline: StoreDeadline
    ) throws(StoreFault) -> (host: String, port: UInt16) {
        var fault = StoreFault.unreachable(reason: "no Sentinel answers")
        let hosts = settings.place.hosts
        for (index, host) in hosts.enumerated() {
            let share = StoreDeadline.after(
                milliseconds: max(1, Int(deadline.milliseconds) / (hosts.count - index + 1)))
            do throws(StoreFault) {
                let connection = try RedisConnection(
                    host: host.name, port: host.port, tls: try settings.tls?.context(), by: share)
                var commands = CommandBuffer()
                commands.command("SENTINEL", "get-master-addr-by-name", name)
                let replies = try connection.exchange(commands, by: share)
                if case .error(let text)? = replies.first { throw RedisErrors.fault(text) }
                guard let parts = replies.first?.elements else {
                    throw .unreachable(
                        reason: "the Sentinel \(host.name):\(host.port) knows no primary of the name \(name)")
                }
                guard parts.count == 2, let address = parts[0].text, ServerRole.isHost(address),
                    let port = parts[1].unsigned.flatMap({ UInt16(exactly: $0) }), port > 0
                else { throw .malformed(reason: "the Sentinel \(host.name):\(host.port) names no address") }
                return (address, port)
            } catch {
                fault = error
            }
        }
        throw fault
    }
}

/// What a server says about its role.
enum ServerRole: Equatable {
    /// With its offset in the stream of replication, and those that its replicas have acknowledged.
    case primary(offset: UInt64, replicas: [UInt64])
    case replica(host: String, port: UInt16)

    /// - Parameter reply: of ROLE.
    init?(_ reply: RedisReply) {
        guard let parts = reply.elements, let kind = parts.first?.text else { return nil }
        switch kind {
        case "master":
            guard parts.count >= 3, let offset = parts[1].unsigned, let list = parts[2].elements else { return nil }
            var replicas: [UInt64] = []
            for entry in list {
                guard let fields = entry.elements, fields.count >= 3, let acknowledged = fields[2].unsigned else {
                    return nil
                }
                replicas.append(acknowledged)
            }
            self = .primary(offset: offset, replicas: replicas)
        case "slave":
            guard parts.count >= 3, let host = parts[1].text, Self.isHost(host),
                let port = parts[2].unsigned.flatMap({ UInt16(exactly: $0) }), port > 0
            else { return nil }
            self = .replica(host: host, port: port)
        default: return nil
        }
    }

    static func isHost(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21..<0x7f).contains($0) }
    }
}
