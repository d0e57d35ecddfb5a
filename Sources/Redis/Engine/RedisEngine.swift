internal import Platform
internal import Revocation
internal import Store

/// An engine over Redis or Valkey: every step is one call of a script, and a batch is sent in one piece.
final class RedisEngine: StoreEngine {
    let link: RedisLink
    var safe: SafeSequence
    /// The command that waits for replicas.
    private(set) var waiting: WaitingCommand?

    enum WaitingCommand {
        /// Replicas have received the records.
        case wait
        /// Replicas have synced the records, and so has the primary. From Redis 7.2 on.
        case waitForSync
    }

    init(_ settings: RedisSettings) {
        link = RedisLink(settings)
        safe = SafeSequence(
            demanded: settings.replicaCount, mayHaveUnknownReplicas: settings.place.primaryName != nil)
    }

    var names: KeyNames { link.names }
    var headKeys: [String] { [names.log, names.epoch, names.time] }

    func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineReport {
        let role = try link.connect(by: deadline)
        do throws(StoreFault) {
            return try examine(role, by: deadline)
        } catch {
            link.disconnect()
            throw error
        }
    }

    func disconnect() { link.disconnect() }

    private func examine(_ role: ServerRole, by deadline: StoreDeadline) throws(StoreFault) -> EngineReport {
        let demanded = link.settings.replicaCount
        var commands = CommandBuffer()
        commands.command("INFO", "server")
        commands.command(["CONFIG", "GET"] + RedisDurability.names)
        if demanded > 0 { commands.command("COMMAND", "INFO", "waitaof") }
        let replies = try link.exchange(commands, by: deadline)
        guard replies.count == commands.count else { throw link.malformed("the answer to INFO") }
        if case .error(let text) = replies[0] { throw link.fault(text) }
        let facts = try ServerFacts(info: replies[0])
        var flaws = try RedisDurability.flaws(replies[1])
        let areKnown = flaws != nil
        if demanded > 0 { waiting = try waitingCommand(replies[2]) }
        try checkRights(by: deadline)
        let found = try findHead(by: deadline)
        guard case .primary(_, let replicas) = role else { throw .notPrimary(reason: "the server is a replica") }
        safe.begin(identity: facts.runID)
        if let missing = RedisDurability.missingReplicas(replicas.count, of: demanded) {
            flaws = (flaws ?? []) + [missing]
        }
        return EngineReport(
            identity: facts.runID, head: found.head, now: found.now, version: facts.version, flaws: flaws ?? [],
            areSettingsKnown: areKnown, replicaCount: replicas.count)
    }

    private func waitingCommand(_ reply: RedisReply) throws(StoreFault) -> WaitingCommand {
        if case .error(let text) = reply { throw link.fault(text) }
        guard let first = reply.elements?.first else { throw link.malformed("COMMAND INFO") }
        return first == .null ? .wait : .waitForSync
    }

    private func checkRights(by deadline: StoreDeadline) throws(StoreFault) {
        let wait =
            switch waiting {
            case nil: ""
            case .wait: "WAIT"
            case .waitForSync: "WAITAOF"
            }
        let reply = try link.run(.rights, keys: [names.mark], arguments: [Array(wait.utf8)], by: deadline)
        guard let missing = reply.elements?.map({ $0.text ?? "?" }) else { throw link.malformed("a script's answer") }
        guard missing.isEmpty else {
            throw .rejected(
                reason: "the user of MARTLET_STORE may not use \(missing.joined(separator: ", ")) on \(names.prefix)*",
                remedy: "Run the ACL line of docs/redis.md.")
        }
    }

    /// Reads the head.
    func findHead(by deadline: StoreDeadline) throws(StoreFault) -> FoundHead {
        try FoundHead(try link.run(.head, keys: headKeys, arguments: [], by: deadline))
    }

    func begin(
        epoch: UInt32, at seq: UInt64, expecting expected: EngineHead?, identity: String, by deadline: StoreDeadline
    ) throws(StoreFault) -> EngineHead {
        // Scripts count with doubles.
        guard seq > 0, seq < 1 << 52, identity.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }), !identity.isEmpty
        else {
            throw .rejected(
                reason: "an epoch cannot begin at the number \(seq)", remedy: "Look into the log of the nodes.")
        }
        let seen = expected.map { "\($0.position.epoch) \($0.position.seq)" } ?? ""
        let arguments = [seen, String(epoch), String(seq - 1), String(seq), identity].map { Array($0.utf8) }
        let reply = try link.run(.begin, keys: headKeys, arguments: arguments, by: deadline)
        guard let parts = reply.elements, let code = parts.first?.number else { throw link.malformed("an answer") }
        switch (code, parts.count) {
        case (1, 2):
            guard let time = parts[1].number else { throw link.malformed("an answer") }
            _ = try findHead(by: deadline)
            return EngineHead(
                position: LedgerPosition(epoch: epoch, seq: seq - 1), time: UnixMilliseconds(time), identity: identity)
        case (0, 1): throw .epoch(try findHead(by: deadline).head)
        case (7, 2): throw FoundHead.fault(version: parts[1].text ?? "")
        default: throw link.malformed("an answer")
        }
    }
}
