import Encoding
@testable import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Entries of sessions as records")
struct SessionEntryRecordTests {
    private static let sid = UUID(high: 0x0198_0000_0000_7000, low: 0x8123_4567_89ab_cdef)

    private static func entry(
        _ client: String, _ device: String?, _ address: SessionEntry.Address?, subject: String = "alice"
    ) -> SessionEntry {
        SessionEntry(
            sid: sid, subject: subject.utf8.span, clientID: client, device: device, address: address,
            end: 1_900_000_000, idleSeconds: 1_209_600)
    }

    private static func joined(_ records: some Sequence<JournalRecord>) -> [SessionEntry] {
        var assembly = SessionEntryAssembly()
        return records.compactMap { assembly.take($0) }
    }

    @Test func `every entry comes back, and takes 256 bytes at most`() {
        let long = String(repeating: "c", count: 128)
        for client in ["a", "first-party", String(long.prefix(24)), String(long.prefix(25)), long] {
            for device in [nil, "d", "Ana’s phone", String(repeating: "d", count: 40)] {
                for address in [nil, SessionEntry.Address.ipv4(0x0102_0304), .ipv6(high: .max, low: 7)] {
                    let entry = Self.entry(client, device, address)
                    let records = SessionEntryCodec.records(entry)
                    #expect(Self.joined(records) == [entry])
                    #expect((2...4).contains(records.count) && records.count * JournalRecord.byteCount <= 256)
                    #expect(records.count == SessionEntryCodec.recordCount(entry))
                    #expect(entry.client.isNamed(client) && !entry.client.isNamed(client + "x"))
                }
            }
        }
        #expect(Self.entry(long, nil, nil).client != .name(long))
    }

    @Test func `an entry in memory says the same, and takes 112 bytes`() {
        for address in [nil, SessionEntry.Address.ipv4(1), .ipv6(high: 2, low: 3)] {
            let entry = Self.entry("web", "Tablet", address)
            #expect(EntrySlot(entry, client: 0, recordCount: 3).entry(client: entry.client) == entry)
        }
        #expect(MemoryLayout<EntrySlot>.stride == 112)
    }

    @Test func `an entry of which a record is missing is no entry, and others are not mixed up with it`() {
        let whole = SessionEntryCodec.records(
            Self.entry("web", String(repeating: "d", count: 40), .ipv6(high: 1, low: 2)))
        #expect(whole.count == 4)
        let other = Self.entry("web", "Tablet", nil)
        for missing in whole.indices {
            var rest = whole
            rest.remove(at: missing)
            #expect(Self.joined(rest).isEmpty)
            #expect(Self.joined(rest + SessionEntryCodec.records(other)) == [other])
        }
        #expect(Self.joined(whole[..<2] + whole[1...]).isEmpty)
    }

    @Test func `the end of a segment or a snapshot may be between the records of one entry`() {
        let entry = Self.entry("web", "Tablet", nil)
        let records = SessionEntryCodec.records(entry)
        var assembly = SessionEntryAssembly()
        #expect(records.dropLast().allSatisfy { assembly.take($0) == nil })
        // The journal passes only entries; what is between them has another kind.
        #expect(assembly.take(records[records.count - 1]) == entry)
    }

    @Test func `lengths that do not describe the records, and text that is not UTF-8, are refused`() {
        let entry = Self.entry("web", "Tablet", .ipv4(9))
        let records = SessionEntryCodec.records(entry)
        for shift in [32, 40, 48, 56] as [UInt64] {
            for count in [0, 1, 2, 5, 17, 41, 200, 254, 255] as [UInt64] {
                var changed = records
                changed[0].value = changed[0].value & ~(0xff << shift) | count << shift
                guard changed != records else { continue }
                let found = Self.joined(changed)
                #expect(found.isEmpty, "\(count) at \(shift): \(found)")
            }
        }
        for byte in 0..<32 {
            var changed = records
            // The text of the device begins after the key and the address.
            changed[1].value ^= 0x80 << UInt64(byte % 8 * 8)
            #expect(Self.joined(changed) != [entry])
        }
    }

    @Test func `the version before refuses a journal with entries, and says why`() throws {
        let harness = Harness()
        let store = try harness.open(entries: .kept(idle: day))
        let before = JournalSchema(
            kinds: [.revokeToken, .revokeSession, .rotate, .cut, .session], isSafeAlone: { _ in false })
        func read() throws {
            let copy = try harness.copy()
            let storage = DirectoryStorage(path: copy.path)
            defer { storage.unlock() }
            var reader = try JournalReader(storage, before)
            while try reader.next() != nil {}
        }
        _ = store.done { done in
            store.begin(store.identifiers.next()) {
                done($0.map(Result.failure) ?? .success(LedgerPosition(epoch: 1, seq: 0)))
            }
        }
        try read()
        _ = store.began(harness.entry(store))
        let refusal = #expect(throws: JournalError.self) { try read() }
        #expect("\(try #require(refusal))".contains("a record of kind 8"))
        _ = try harness.compact(store)
        let ofSnapshot = #expect(throws: JournalError.self) { try read() }
        #expect("\(try #require(ofSnapshot))".contains("a record of kind 8"))
        store.close()
    }

    @Test func `without a list, a login is recorded as it always was`() throws {
        let harness = Harness()
        let store = try harness.open(entries: .dropped)
        let sid = store.identifiers.next()
        _ = store.done { done in
            store.begin(sid) { done($0.map(Result.failure) ?? .success(LedgerPosition(epoch: 1, seq: 0))) }
        }
        let record = try #require(try harness.records().last { $0.kind != .open })
        #expect(record.kind == .session && record.key == sid && record.expires == sid.milliseconds)
        #expect(record.value == 0 && record.flags == 0 && record.reason == 0)
        store.close()
    }

    @Test(arguments: 0..<4)
    func `a power cut within an entry leaves no half session`(_ kept: Int) throws {
        let harness = Harness()
        let store = try harness.open(entries: .kept(idle: day))
        let first = harness.entry(store)
        _ = store.began(first)
        let entry = harness.entry(
            store, device: String(repeating: "d", count: 40), address: .ipv6(high: 1, low: 2))
        _ = store.began(entry, countMax: 1)
        let copy = try harness.copy()
        store.close()
        try copy.truncate(afterEntryRecords: 2 + kept)
        let after = try copy.open(entries: .kept(idle: day))
        #expect(after.listed("alice", at: copy.now).map(\.entry) == [first])
        #expect(after.denied(first.sid) == nil)
        after.close()
    }
}
