internal import Encoding
internal import Journal
import Platform
internal import Synchronization

/// The entries of live sessions in memory, by subject.
final class SessionEntries: Sendable {
    let rule: SessionEntryRule
    private let shards: InlineArray<64, Mutex<EntryShard>>
    private let clients = Mutex(ClientNames())
    private let total = Atomic<Int>(0)
    private let records = Atomic<Int>(0)
    /// The entries in the log that are not wanted.
    private let unwanted = Atomic<Int>(0)

    init(key: FingerprintKey, rule: SessionEntryRule) {
        self.rule = rule
        shards = InlineArray { _ in Mutex(EntryShard(key: key)) }
    }

    var count: Int { total.load(ordering: .acquiring) }
    /// The number of their records in the journal.
    var recordCount: Int { records.load(ordering: .acquiring) }
    /// Whether the log has entries that are to be dropped.
    var hasUnwanted: Bool { unwanted.load(ordering: .acquiring) > 0 }

    func forgetUnwanted() { unwanted.store(0, ordering: .releasing) }

    /// Adds an entry from the log.
    func restore(_ entry: SessionEntry) {
        guard rule != .dropped else {
            unwanted.wrappingAdd(1, ordering: .releasing)
            return
        }
        insert(entry, [])
    }

    /// Adds an entry that is about to be recorded; it is not listed before ``settle(_:)``.
    func begin(_ entry: SessionEntry) { insert(entry, .pending) }

    /// The entry is durable.
    func settle(_ entry: SessionEntry) { change(entry.sid, of: entry.subject) { $0.remove(.pending) } }

    func remove(_ sid: UUID, of subject: UUID) {
        let removed = withShard(of: subject) { $0.remove(sid) }
        guard let removed else { return }
        total.wrappingSubtract(1, ordering: .releasing)
        records.wrappingSubtract(Int(removed.recordCount), ordering: .releasing)
    }

    func change(_ sid: UUID, of subject: UUID, _ body: (inout EntrySlot.State) -> Void) {
        withShard(of: subject) { $0.change(sid, body) }
    }

    func slot(_ sid: UUID, of subject: UUID) -> EntrySlot? {
        withShard(of: subject) { $0.slot(sid) }.flatMap { $0.subject == subject ? $0 : nil }
    }

    func slots(of subject: UUID, upTo countMax: Int = .max) -> [EntrySlot] {
        withShard(of: subject) { $0.slots(of: subject, upTo: countMax) }
    }

    /// Whether there is an entry of the session.
    ///
    /// - Parameter subjectByte: the first byte of the subject's key.
    func contains(_ sid: UUID, subjectByte: UInt8) -> Bool {
        shards[Shards.index(of: UInt64(subjectByte) << 56)].withLock { $0.slot(sid) } != nil
    }

    /// Chooses the oldest sessions of a subject that have to end so that at most `countMax` remain, and marks them.
    ///
    /// - Parameters:
    ///   - sid: the session that begins; it is counted, and never chosen.
    ///   - ended: sessions that do not count.
    func displace(of subject: UUID, beyond countMax: Int, for sid: UUID, ended: Set<UUID>) -> [UUID] {
        withShard(of: subject) { shard in
            let others = shard.slots(of: subject, upTo: .max).filter {
                $0.sid != sid && !$0.state.contains(.displaced) && !ended.contains($0.sid)
            }
            let excess = others.count + 1 - countMax
            guard excess > 0 else { return [] }
            let oldest = others.map(\.sid).sorted().prefix(excess)
            for sid in oldest { shard.change(sid) { $0.insert(.displaced) } }
            return Array(oldest)
        }
    }

    /// Removes the entries for which `isOver` returns true, one part of them after another, without a lock while it
    /// runs.
    func sweep(where isOver: (EntrySlot) -> Bool) {
        for index in shards.indices {
            for slot in shards[index].withLock({ $0.all() }) where !slot.state.contains(.pending) && isOver(slot) {
                remove(slot.sid, of: slot.subject)
            }
            shards[index].withLock { $0.shrink() }
        }
    }

    func client(_ slot: EntrySlot) -> SessionEntry.Client { clients.withLock { $0[slot.client] } }

    private func insert(_ entry: SessionEntry, _ state: EntrySlot.State) {
        var slot = EntrySlot(
            entry, client: clients.withLock { $0.number(of: entry.client) },
            recordCount: SessionEntryCodec.recordCount(entry))
        slot.state.formUnion(state)
        guard withShard(of: entry.subject, { $0.insert(slot) }) else { return }
        total.wrappingAdd(1, ordering: .releasing)
        records.wrappingAdd(Int(slot.recordCount), ordering: .releasing)
    }

    private func withShard<Answer: Sendable>(of subject: UUID, _ body: (inout EntryShard) -> Answer) -> Answer {
        shards[Shards.index(of: subject.high)].withLock { body(&$0) }
    }
}
