internal import Journal
internal import Platform
internal import Revocation
internal import Store

/// Reads the log with XREAD BLOCK.
final class RedisTail: StoreTail {
    private static let recordCountMax = 4_096

    private let link: RedisLink
    /// The head that was seen last; its identity is that of its epoch.
    private var known: FoundHead?

    init(_ settings: RedisSettings) {
        link = RedisLink(settings)
    }

    func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineHead {
        _ = try link.connect(by: deadline)
        guard let head = try findHead(by: deadline).head else { throw .epoch(nil) }
        return head
    }

    func disconnect() { link.disconnect() }

    func read(
        after position: LedgerPosition, wait: Int, by deadline: StoreDeadline
    ) throws(StoreFault) -> TailBatch {
        if known?.head?.position.epoch != position.epoch {
            let found = try findHead(by: deadline)
            guard let head = found.head else { throw .epoch(nil) }
            try checkHistory(position, found, head)
        }
        let entries = try entries(after: position, wait: wait, by: deadline)
        guard !entries.isEmpty else { return try idle(at: position, by: deadline) }
        return try batch(entries, after: position, by: deadline)
    }

    /// Nothing came: the position must still be the head.
    private func idle(at position: LedgerPosition, by deadline: StoreDeadline) throws(StoreFault) -> TailBatch {
        let found = try findHead(by: deadline)
        guard let head = found.head else { throw .epoch(nil) }
        if head.position == position { return TailBatch(records: [], head: head) }
        try checkHistory(position, found, head)
        // Something came meanwhile.
        let entries = try entries(after: position, wait: 0, by: deadline)
        guard !entries.isEmpty else { throw .gone }
        return try batch(entries, after: position, by: deadline)
    }

    /// Checks that the engine has, or had, the record at the position.
    private func checkHistory(
        _ position: LedgerPosition, _ found: FoundHead, _ head: EngineHead
    ) throws(StoreFault) {
        if position.epoch == head.position.epoch {
            guard position.seq <= head.position.seq, found.history.map({ position.seq >= $0.first - 1 }) ?? true else {
                throw .epoch(head)
            }
            return
        }
        guard position.epoch < head.position.epoch, let history = found.history,
            history.end(ofEpochWith: position.seq) != nil
        else { throw .epoch(head) }
    }

    private func batch(
        _ entries: [LogEntry], after position: LedgerPosition, by deadline: StoreDeadline
    ) throws(StoreFault) -> TailBatch {
        var records: [JournalRecord] = []
        var told: [Int: UInt64] = [:]
        records.reserveCapacity(entries.count)
        var last = position
        for entry in entries {
            if entry.epoch == last.epoch {
                guard entry.seq == last.seq + 1 else {
                    throw try fault(of: entry, after: last, isFirst: records.isEmpty, by: deadline)
                }
            } else {
                guard entry.epoch > last.epoch, entry.seq > last.seq else {
                    throw .damaged(reason: "the log goes from \(last) back to \(entry.epoch)-\(entry.seq)")
                }
                try checkEnd(of: last, before: entry, by: deadline)
            }
            last = LedgerPosition(epoch: entry.epoch, seq: entry.seq)
            guard let record = entry.record else { continue }
            if record.seq != 0 {
                told[records.count] = record.seq
                records.append(record.placed(seq: entry.seq, time: record.time))
            } else {
                records.append(record.placed(seq: entry.seq, time: UnixMilliseconds(entry.time)))
            }
        }
        let time = UnixMilliseconds(entries.last?.time ?? 0)
        if entries.count >= Self.recordCountMax || known?.head?.position.epoch != last.epoch {
            let found = try findHead(by: deadline)
            guard let head = found.head, head.position >= last else { throw .epoch(found.head) }
            if entries.count >= Self.recordCountMax { return TailBatch(records: records, head: head, told: told) }
            return TailBatch(
                records: records, head: EngineHead(position: last, time: time, identity: head.identity), told: told)
        }
        let identity = known?.head?.identity ?? ""
        return TailBatch(
            records: records, head: EngineHead(position: last, time: time, identity: identity), told: told)
    }

    /// An epoch ends where the next one says that it did, and nothing of it may be missing.
    private func checkEnd(
        of last: LedgerPosition, before entry: LogEntry, by deadline: StoreDeadline
    ) throws(StoreFault) {
        let found = try findHead(by: deadline)
        guard let history = found.history else { throw .epoch(found.head) }
        guard let end = history.end(ofEpochWith: last.seq) else { throw .epoch(found.head) }
        guard last.seq == end, entry.record == nil else {
            throw try isTrimmed(before: entry, by: deadline)
                ? .gone : .damaged(reason: "records of the log are missing after \(last)")
        }
    }

    private func fault(
        of entry: LogEntry, after last: LedgerPosition, isFirst: Bool, by deadline: StoreDeadline
    ) throws(StoreFault) -> StoreFault {
        if isFirst, try isTrimmed(before: entry, by: deadline) { return .gone }
        return .damaged(reason: "records of the log are missing between \(last) and \(entry.epoch):\(entry.seq)")
    }

    /// Whether the log has nothing before the entry.
    private func isTrimmed(before entry: LogEntry, by deadline: StoreDeadline) throws(StoreFault) -> Bool {
        var commands = CommandBuffer()
        commands.command("XRANGE", link.names.log, "-", "+", "COUNT", "1")
        let reply = try link.exchange(commands, by: deadline).first
        if case .error(let text)? = reply { throw link.fault(text) }
        guard let first = reply?.elements?.first else { return true }
        let oldest = try LogEntry(first)
        return (oldest.epoch, oldest.seq) >= (entry.epoch, entry.seq)
    }

    private func entries(
        after position: LedgerPosition, wait: Int, by deadline: StoreDeadline
    ) throws(StoreFault) -> [LogEntry] {
        var commands = CommandBuffer()
        // 0 would mean to wait for ever, and the answer must come before the deadline.
        let wait = min(wait, Int(deadline.milliseconds) * 3 / 4)
        let blocking = wait > 0 ? ["BLOCK", String(wait)] : []
        commands.command(
            ["XREAD", "COUNT", String(Self.recordCountMax)] + blocking
                + ["STREAMS", link.names.log, "\(position.epoch)-\(position.seq)"])
        guard let reply = try link.exchange(commands, by: deadline).first else { throw link.malformed("XREAD") }
        if reply == .null { return [] }
        if case .error(let text) = reply { throw link.fault(text) }
        guard let streams = reply.elements, streams.count == 1, let stream = streams[0].elements, stream.count == 2,
            stream[0].bytes.map({ $0.elementsEqual(link.names.log.utf8) }) == true,
            let list = stream[1].elements, list.count <= Self.recordCountMax
        else { throw link.malformed("XREAD") }
        do throws(StoreFault) {
            return try list.map { element throws(StoreFault) in try LogEntry(element) }
        } catch {
            if case .malformed = error { link.disconnect() }
            throw error
        }
    }

    private func findHead(by deadline: StoreDeadline) throws(StoreFault) -> FoundHead {
        let keys = [link.names.log, link.names.epoch, link.names.time]
        let found = try FoundHead(try link.run(.head, keys: keys, arguments: [], by: deadline))
        known = found
        return found
    }
}
