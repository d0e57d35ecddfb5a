internal import Encoding
internal import Journal
internal import Platform
internal import Revocation
internal import Store

extension RedisEngine {
    /// How many keys a page has, about.
    private static let pageCount = "1000"

    func load(
        by deadline: StoreDeadline, _ take: (_ records: [JournalRecord]) -> Void
    ) throws(StoreFault) -> EngineHead {
        guard let head = try findHead(by: deadline).head else { throw .epoch(nil) }
        var cursor = "0"
        var wanted: [(name: [UInt8], parts: KeyNames.Parts)] = []
        // The values of a page are read together with the names of the next one.
        while true {
            var commands = CommandBuffer()
            commands.command("SCAN", cursor, "MATCH", names.pattern, "COUNT", Self.pageCount)
            if !wanted.isEmpty {
                commands.begin(1 + wanted.count)
                commands.add("MGET")
                for key in wanted { commands.add(key.name) }
            }
            let replies = try link.exchange(commands, by: deadline)
            for case .error(let text) in replies { throw link.fault(text) }
            guard replies.count == commands.count else { throw link.malformed("a page of keys") }
            if !wanted.isEmpty { take(try records(wanted, replies[1], by: deadline)) }
            wanted = try page(replies[0], &cursor)
            if cursor == "0", wanted.isEmpty { break }
            if cursor == "0" {
                take(try lastRecords(wanted, by: deadline))
                break
            }
        }
        return head
    }

    private func lastRecords(
        _ wanted: [(name: [UInt8], parts: KeyNames.Parts)], by deadline: StoreDeadline
    ) throws(StoreFault) -> [JournalRecord] {
        var commands = CommandBuffer()
        commands.begin(1 + wanted.count)
        commands.add("MGET")
        for key in wanted { commands.add(key.name) }
        guard let reply = try link.exchange(commands, by: deadline).first else { throw link.malformed("a page") }
        if case .error(let text) = reply { throw link.fault(text) }
        return try records(wanted, reply, by: deadline)
    }

    private func page(
        _ reply: RedisReply, _ cursor: inout String
    ) throws(StoreFault) -> [(name: [UInt8], parts: KeyNames.Parts)] {
        guard let halves = reply.elements, halves.count == 2, let next = halves[0].text, next.utf8.count <= 20,
            next.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let list = halves[1].elements
        else { throw link.malformed("a page of keys") }
        cursor = next
        var found: [(name: [UInt8], parts: KeyNames.Parts)] = []
        for element in list {
            guard let name = element.bytes else { throw link.malformed("a page of keys") }
            guard let parts = names.parts(name), parts.family != .data else { continue }
            found.append((name, parts))
        }
        return found
    }

    private func records(
        _ keys: [(name: [UInt8], parts: KeyNames.Parts)], _ reply: RedisReply, by deadline: StoreDeadline
    ) throws(StoreFault) -> [JournalRecord] {
        guard let values = reply.elements, values.count == keys.count else { throw link.malformed("a page of values") }
        var records: [JournalRecord] = []
        records.reserveCapacity(keys.count)
        for (key, value) in zip(keys, values) {
            if value == .null {
                try checkAbsence(key.name, by: deadline)
                continue
            }
            guard let bytes = value.bytes else { throw link.malformed("a page of values") }
            guard let found = KeyValue.records(bytes, key.parts) else {
                throw .damaged(reason: "the key \(String(decoding: key.name, as: UTF8.self)) has an unknown form")
            }
            records += found
        }
        return records
    }

    /// Checks that a key has expired. MGET says the same of one that is not a string, which must not be skipped.
    private func checkAbsence(_ name: [UInt8], by deadline: StoreDeadline) throws(StoreFault) {
        var commands = CommandBuffer()
        commands.begin(2)
        commands.add("TYPE")
        commands.add(name)
        guard let reply = try link.exchange(commands, by: deadline).first else { throw link.malformed("TYPE") }
        if case .error(let text) = reply { throw link.fault(text) }
        // A string came back meanwhile: its record is in the log after the head.
        guard reply.text == "none" || reply.text == "string" else {
            throw .damaged(reason: "the key \(String(decoding: name, as: UTF8.self)) is not a string")
        }
    }
}

/// The records of a value.
enum KeyValue {
    /// - Returns: nil if the value is damaged, or of another key.
    static func records(_ bytes: [UInt8], _ parts: KeyNames.Parts) -> [JournalRecord]? {
        if parts.family == .entry { return entry(bytes, of: parts.id) }
        guard bytes.count >= StoredRecord.byteCount, bytes.count % StoredRecord.byteCount == 0 else { return nil }
        var records: [JournalRecord] = []
        for start in stride(from: 0, to: bytes.count, by: StoredRecord.byteCount) {
            guard var record = StoredRecord.record(bytes[start..<(start + StoredRecord.byteCount)], key: parts.id),
                isOf(record, parts)
            else { return nil }
            // It no longer depends on the record that was before it in the log.
            if record.kind != .revokeToken, record.kind != .rotate { record.flags &= ~dependentFlag }
            records.append(record)
        }
        return records
    }

    /// What RevocationCodec sets for a record that must not be applied without the one before it.
    private static let dependentFlag: UInt8 = 8

    private static func isOf(_ record: JournalRecord, _ parts: KeyNames.Parts) -> Bool {
        switch (RevocationCodec.event(record), parts.family) {
        case (.rotated, .rotation), (.sessionRevoked, .session), (.tokenRevoked, .token), (.exempted, .exemption):
            true
        case (.revokedBefore(_, let kind, _, _, _), .cut): kind.rawValue == parts.kind
        default: false
        }
    }

    /// Time and number of the first record, then the records in their portable form.
    private static func entry(_ bytes: [UInt8], of sid: UUID) -> [JournalRecord]? {
        let content = bytes.count - 16
        guard content >= 2 * JournalRecord.byteCount, content % JournalRecord.byteCount == 0,
            content <= 16 * JournalRecord.byteCount
        else { return nil }
        let time = UnixMilliseconds(Int64(bitPattern: bytes.little(at: 0, count: 8)))
        let first = bytes.little(at: 8, count: 8)
        var records: [JournalRecord] = []
        for start in stride(from: 16, to: bytes.count, by: JournalRecord.byteCount) {
            let part = Array(bytes[start..<(start + JournalRecord.byteCount)])
            guard let record = try? JournalRecord(portable: part.span), record.kind == .sessionEntry else { return nil }
            records.append(record.placed(seq: first &+ UInt64(records.count), time: time))
        }
        guard records.first?.key == sid else { return nil }
        return records
    }
}
