internal import Platform
internal import Revocation
internal import Store

extension RedisEngine {
    /// How long a node may be away and still follow the log, in milliseconds.
    private static let logTime: Int64 = 3_600_000
    private static let logCountMax = 1_000_000
    /// How many entries one call may remove, so that no call keeps other clients waiting for long.
    private static let trimCount: Int64 = 10_000

    /// Trims the log. Keys expire by themselves.
    func maintain(by deadline: StoreDeadline) throws(StoreFault) -> Bool {
        let found = try findHead(by: deadline)
        guard let head = found.head else { return false }
        if try trim("MAXLEN", String(Self.logCountMax), by: deadline) { return true }
        let horizon = found.now.count - Self.logTime
        guard let oldest = try firstEntry(from: "-", by: deadline), oldest.time < horizon else { return false }
        guard oldest.epoch == head.position.epoch else {
            // Of an epoch that has ended, all goes together.
            let start = try firstEntry(from: "\(oldest.epoch + 1)-0", by: deadline)
            guard let start, start.time < horizon else { return false }
            return try trim("MINID", "\(start.epoch)-\(start.seq)", by: deadline)
        }
        var (low, high) = (oldest.seq, head.position.seq)
        while low < high {
            let middle = low + (high - low) / 2 + 1
            let entry = try firstEntry(from: "\(oldest.epoch)-\(middle)", by: deadline)
            if let entry, entry.time < horizon { low = middle } else { high = middle - 1 }
        }
        return try trim("MINID", "\(oldest.epoch)-\(low)", by: deadline)
    }

    /// - Returns: whether there is more. Whole nodes of the stream are removed, so that a full piece may lack some entries;
    ///   a few that have come since the last piece are none.
    private func trim(_ strategy: String, _ limit: String, by deadline: StoreDeadline) throws(StoreFault) -> Bool {
        var commands = CommandBuffer()
        commands.command("XTRIM", names.log, strategy, "~", limit, "LIMIT", String(Self.trimCount))
        guard let reply = try link.exchange(commands, by: deadline).first else { throw link.malformed("XTRIM") }
        if case .error(let text) = reply { throw link.fault(text) }
        guard let count = reply.number else { throw link.malformed("XTRIM") }
        return count > Self.trimCount / 2
    }

    private func firstEntry(
        from id: String, by deadline: StoreDeadline
    ) throws(StoreFault) -> LogEntry? {
        var commands = CommandBuffer()
        commands.command("XRANGE", names.log, id, "+", "COUNT", "1")
        guard let reply = try link.exchange(commands, by: deadline).first else { throw link.malformed("XRANGE") }
        if case .error(let text) = reply { throw link.fault(text) }
        guard let entries = reply.elements else { throw link.malformed("XRANGE") }
        guard let first = entries.first else { return nil }
        return try LogEntry(first)
    }
}
