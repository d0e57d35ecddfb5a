internal import Encoding
package import Journal
package import Platform
internal import Synchronization
internal import Tokens

/// Moves what lives between the journal of one server and the engine of several.
package enum JournalTransfer {
    /// What a journal contains that is still needed.
    package struct Content: Sendable {
        /// In order, each with its position and its time.
        package var records: [JournalRecord] = []
        /// The last record.
        package var position = LedgerPosition(epoch: 1, seq: 0)
        package var lastTime: UnixMilliseconds = 0
    }

    /// Reads a journal.
    ///
    /// - Parameter storage: is locked afterward, so that no server writes the journal meanwhile.
    package static func read(_ storage: any JournalStorage, clock: WallClock) throws(JournalError) -> Content {
        let replay = RevocationReplay(
            RevocationOptions(
                ledger: FileLedgerSource(storage: storage, clock: clock, random: { 0 }), grace: 0, sessionMax: nil,
                clock: clock, monotonicNow: { 0 }, random: { UInt64.random(in: .min ... .max) }))
        var reader = try JournalReader(storage, RevocationCodec.schema)
        var assembly = SessionEntryAssembly()
        var epochs = LedgerEpochs()
        var all: [JournalRecord] = []
        var content = Content()
        do throws(JournalError) {
            try reader.replay { records in
                for record in records {
                    let event = RevocationCodec.event(record, &assembly)
                    if case .epochBegan(let epoch, let offset)? = event {
                        epochs.begin(epoch, at: record.seq, offset: offset)
                    }
                    let position = epochs.position(of: record.seq)
                    content.position = position
                    content.lastTime = record.time
                    all.append(record.placed(seq: position.seq, time: record.time))
                    if let event { replay.apply(event, at: LedgerStamp(position, time: record.time)) }
                }
            }
        } catch {
            storage.unlock()
            throw error
        }
        _ = replay.finish(lastTime: reader.lastTime)
        // As a compaction: only what has certainly expired is dropped.
        let horizon = min(clock.now, reader.lastTime).adding(milliseconds: -TokenLimits.standard.purgeMargin)
        var live = LiveRecords(replay.index, horizon: horizon)
        content.records = all.filter { live.keeps($0) && $0.kind != .open && $0.kind != .seal && $0.kind != .epoch }
        content.records += live.replacements.filter { $0.kind != .session }
        return content
    }

    /// Writes a new journal. The records get new numbers, above `position`, and the present time.
    ///
    /// - Returns: the last record.
    package static func write(
        _ records: [JournalRecord], above position: LedgerPosition, to storage: any JournalStorage, clock: WallClock,
        random: @escaping @Sendable () -> UInt64
    ) throws(JournalError) -> LedgerPosition {
        var source = FileLedgerSource(storage: storage, clock: clock, random: random)
        source.pace = .stepped
        let replay = RevocationReplay(
            // Sessions may be as old as any setting allows.
            RevocationOptions(
                ledger: source, grace: 0, sessionMax: TokenLimits.standard.sessionMax, clock: clock,
                monotonicNow: { 0 },
                random: random))
        guard let ledger = try source.open(replay) as? FileLedger else { throw .closed }
        defer { ledger.close() }
        var mark = ledger.highWaterMark
        // The epoch of a journal of its own begins above everything that the engine has numbered.
        (mark.epoch, mark.offset) = (position.epoch, position.seq &- min(position.seq, mark.seq))
        var last = try wait(ledger) { ledger.beginEpoch(above: [mark], $0) }
        // Each is applied alone here, and what exempts a session comes before what would end it.
        let isExemption = { (record: JournalRecord) in
            if case .exempted? = RevocationCodec.event(record) { true } else { false }
        }
        let ordered = records.filter(isExemption) + records.filter { !isExemption($0) }
        let alone = ordered.map { record in
            record.kind == .cut || record.kind == .revokeSession ? RevocationCodec.independent(record) : record
        }
        for chunk in chunks(alone, countMax: 1_024) {
            last = try wait(ledger) { done in
                ledger.journal.append(contentsOf: chunk, mayUseReserve: true) { [head = ledger.head] result in
                    done(result.map { LedgerStamp(head.position(of: $0.seq), time: $0.time) })
                }
            }
        }
        return last.position
    }

    /// Divides records so that those stay together that mean something only next to each other.
    package static func chunks(_ records: [JournalRecord], countMax: Int) -> [[JournalRecord]] {
        var chunks: [[JournalRecord]] = []
        var chunk: [JournalRecord] = []
        for record in records {
            let isAlone = record.kind == .rotate || record.kind == .revokeToken
            if chunk.count >= countMax, isAlone || chunk.count >= 2 * countMax {
                chunks.append(chunk)
                chunk = []
            }
            chunk.append(record)
        }
        if !chunk.isEmpty { chunks.append(chunk) }
        return chunks
    }

    private static func wait(
        _ ledger: FileLedger, _ ask: (@escaping Ledger.Completion) -> Void
    ) throws(JournalError) -> LedgerStamp {
        let answer = Answer()
        ask { result in answer.result.withLock { $0 = result } }
        while answer.result.withLock({ $0 == nil }), ledger.step() {}
        guard let result = answer.result.withLock({ $0 }) else { throw .closed }
        return try result.get()
    }

    private final class Answer: Sendable {
        let result = Mutex<Result<LedgerStamp, JournalError>?>(nil)
    }
}
