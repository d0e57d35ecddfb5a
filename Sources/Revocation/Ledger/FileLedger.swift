internal import Encoding
package import Journal
package import Platform

/// The ledger in files of this machine, which one process writes.
package final class FileLedger: Ledger {
    let journal: JournalWriter
    private let index: RevocationIndex
    private let arbiter = RotationArbiter()
    package let followers: FileFollowers
    package let head: LedgerHead

    init(_ journal: JournalWriter, _ index: RevocationIndex, _ followers: FileFollowers) {
        self.journal = journal
        self.index = index
        self.followers = followers
        let epochs = followers.epochs
        head = LedgerHead(journal.durable, epoch: epochs.epoch, offset: epochs.offset)
    }

    package var now: UnixMilliseconds { journal.now }
    /// One process draws all ids, so they are in the order of the records.
    package var isShared: Bool { false }
    package var isWritable: Bool { journal.isWritable }
    package var takesEverything: Bool { journal.takesEverything }

    package func knows(_ position: LedgerPosition) -> Bool {
        position.epoch == head.epoch || followers.epochs.number(of: position) != nil
    }

    package func append(_ events: [RevocationEvent], _ done: @escaping Completion) {
        journal.append(
            contentsOf: events.flatMap(RevocationCodec.records), mayUseReserve: events.allSatisfy(\.isRevocation)
        ) { [head] result in done(result.map { LedgerStamp(head.position(of: $0.seq), time: $0.time) }) }
    }

    package func advance(
        _ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void
    ) {
        // While a rotation of the session is being written, the index does not know its generation yet.
        let isFirst = arbiter.begin(request.sid) { [self] in advance(request, done) }
        guard isFirst else { return }
        if let denial = index.denial(of: request) {
            done(.success(.rejected(denial)))
            return arbiter.end(request.sid)
        }
        let current = index.rotations.rotation(of: request.sid)
        guard current?.generation ?? 0 == request.generation, request.generation < .max else {
            done(.success(.stands(current, now: now)))
            return arbiter.end(request.sid)
        }
        journal.append(RevocationCodec.record(request.event), mayUseReserve: false) { [self] result in
            done(result.map { verdict(request, at: $0) })
            arbiter.end(request.sid)
        }
    }

    /// A revocation takes effect in the index before it gets a position. So one with a position below that of this
    /// rotation is found here, and the rotation does not count.
    private func verdict(_ request: Advance, at position: JournalPosition) -> AdvanceVerdict {
        if let denial = index.denial(of: request) {
            // The record is durable, so the index must be as it would be after a start.
            let rotation = Rotation(generation: request.generation &+ 1, request: request.request, at: position.time)
            index.rotations.restore(rotation, of: request.sid, sessionEnd: request.sessionEnd)
            return .rejected(denial)
        }
        return .advanced(head.position(of: position.seq), at: position.time)
    }

    package func close() {
        followers.close()
        journal.close()
    }
}

extension FileLedger {
    /// The result of opening the journal.
    package var report: JournalReport { journal.report }
    /// Why the journal is impaired; nil if it is not.
    package var condition: JournalCondition? { journal.condition }
    /// Why it accepts no records any more; nil if it does.
    package var fault: JournalError? { journal.fault }
    package var statistics: JournalStatistics { journal.statistics }
    package var extent: JournalExtent { journal.extent }
    /// The high-water mark that a later start must find.
    package var highWaterMark: HighWaterMark {
        var mark = HighWaterMark(store: journal.store, seq: journal.durableSeq)
        let epochs = followers.epochs
        (mark.epoch, mark.offset) = (epochs.epoch, epochs.offset)
        return mark
    }

    /// Begins another epoch, because the journal may lack records that were acknowledged. Nothing else may append
    /// meanwhile.
    ///
    /// - Parameter marks: what was known of the journal in other places; the epoch begins above all of it.
    package func beginEpoch(above marks: [HighWaterMark], _ done: @escaping Completion) {
        let known = marks.map { $0.seq &+ $0.offset }.reduce(head.seq, max)
        let epoch = marks.map(\.epoch).reduce(head.epoch, max) &+ 1
        let offset = LedgerEpochs.beginning(above: known) &- journal.lastSeq &- 1
        let record = RevocationCodec.record(.epochBegan(epoch: epoch, offset: offset))
        journal.append(record, mayUseReserve: true) { [head, followers] result in
            done(
                result.map { position in
                    followers.begin(epoch: epoch, at: position.seq, offset: offset)
                    head.begin(epoch: epoch, offset: offset)
                    return LedgerStamp(head.position(of: position.seq), time: position.time)
                })
        }
    }

    /// Writes a text for processes that find the journal locked.
    package func announce(_ text: String) { journal.announce(text) }

    /// Does one turn of a journal that was opened with `pace: .stepped`.
    ///
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool { journal.step() }
}

/// Opens the journal of a directory as a ledger.
package struct FileLedgerSource: LedgerSource {
    package var storage: any JournalStorage
    package var clock: WallClock
    package var random: @Sendable () -> UInt64
    /// Receives events on the thread of the journal; it must return quickly.
    package var observe: @Sendable (JournalEvent) -> Void = { _ in }
    /// Nil for the default of the journal.
    package var segmentRecordCount: UInt64?
    package var pace = JournalPace.thread
    /// The number of bytes reserved for revocations on a full disk.
    package var reserveByteCount = 0
    /// The high-water marks of the journal that were stored in other places.
    package var highWaterMarks: [HighWaterMark] = []

    package init(storage: any JournalStorage, clock: WallClock, random: @escaping @Sendable () -> UInt64) {
        self.storage = storage
        self.clock = clock
        self.random = random
    }

    package init(directory: String, clock: WallClock, random: @escaping @Sendable () -> UInt64) {
        self.init(storage: DirectoryStorage(path: directory), clock: clock, random: random)
    }

    package func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger {
        var reader = try JournalReader(storage, RevocationCodec.schema)
        var assembly = SessionEntryAssembly()
        var epochs = LedgerEpochs()
        try reader.replay { records in
            for record in records {
                guard let event = RevocationCodec.event(record, &assembly) else { continue }
                if case .epochBegan(let epoch, let offset) = event {
                    epochs.begin(epoch, at: record.seq, offset: offset)
                }
                let stamp = LedgerStamp(epochs.position(of: record.seq), time: record.time)
                replay.apply(event, at: stamp)
            }
        }
        for mark in highWaterMarks {
            do throws(JournalError) {
                try mark.check(store: reader.store, lastSeq: reader.lastSeq)
            } catch {
                storage.unlock()
                throw error
            }
        }
        let followers = FileFollowers(epochs, delivered: reader.lastSeq)
        var options = JournalOptions(clock: clock, random: random)
        options.observe = observe
        options.deliver = followers.deliver
        options.pace = pace
        options.reserveByteCount = reserveByteCount
        if let segmentRecordCount { options.segmentRecordCount = segmentRecordCount }
        options.note = OpeningNote(replay.finish(lastTime: reader.lastTime))
        return FileLedger(try reader.intoWriter(options), replay.index, followers)
    }
}
