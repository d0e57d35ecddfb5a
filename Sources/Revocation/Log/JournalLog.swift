internal import Encoding
package import Journal
package import Platform

/// The log in files of this machine, which one process writes.
package final class JournalLog: RevocationLog {
    private let journal: JournalWriter
    private let index: RevocationIndex
    private let arbiter = RotationArbiter()

    init(_ journal: JournalWriter, _ index: RevocationIndex) {
        self.journal = journal
        self.index = index
    }

    package var durable: DurableSequence { journal.durable }
    package var now: UnixMilliseconds { journal.now }
    package var isWritable: Bool { journal.isWritable }
    package var takesEverything: Bool { journal.takesEverything }

    package func append(_ events: [RevocationEvent], _ done: @escaping Completion) {
        journal.append(
            contentsOf: events.flatMap(RevocationCodec.records), mayUseReserve: events.allSatisfy(\.isRevocation)
        ) { done($0.map(LogPosition.init)) }
    }

    package func commitRotation(
        _ request: RotationRequest, expecting generation: UInt32, _ done: @escaping @Sendable (RotationCommit) -> Void
    ) {
        // While a rotation of the session is being written, the index does not know its generation yet.
        let isFirst = arbiter.begin(request.sid) { [self] in
            commitRotation(request, expecting: generation, done)
        }
        guard isFirst else { return }
        let current = index.rotations.rotation(of: request.sid)
        guard current?.generation ?? 0 == generation, generation < .max else {
            done(.conflict(current: current, seq: durable.value))
            return arbiter.end(request.sid)
        }
        append([
            .rotated(
                sid: request.sid, generation: generation + 1, request: request.request, sessionEnd: request.sessionEnd)
        ]) { [arbiter] result in
            switch result {
            case .success(let position): done(.committed(position))
            case .failure(let error): done(.failed(error))
            }
            arbiter.end(request.sid)
        }
    }

    package func close() { journal.close() }
}

extension JournalLog {
    /// The result of opening the journal.
    package var report: JournalReport { journal.report }
    /// Why the journal is impaired; nil if it is not.
    package var condition: JournalCondition? { journal.condition }
    /// Why it accepts no records any more; nil if it does.
    package var fault: JournalError? { journal.fault }
    package var statistics: JournalStatistics { journal.statistics }
    package var extent: JournalExtent { journal.extent }
    /// The high-water mark that a later start must find.
    package var highWaterMark: HighWaterMark { HighWaterMark(store: journal.store, seq: durable.value) }

    /// Drops the records that expired at or before `horizon`, are duplicates, or were superseded.
    package func compact(horizon: UnixMilliseconds) throws(JournalError) -> CompactionReport {
        try journal.compact(LiveRecords(index, horizon: horizon))
    }

    /// Writes a text for processes that find the journal locked.
    package func announce(_ text: String) { journal.announce(text) }

    /// Does one turn of a journal that was opened with `pace: .stepped`.
    ///
    /// - Returns: false if there was nothing to do.
    package func step() -> Bool { journal.step() }
}

/// Opens the journal of a directory as a log.
package struct JournalLogSource: RevocationLogSource {
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

    package func open(_ replay: RevocationReplay) throws(RevocationError) -> any RevocationLog {
        var reader = try JournalReader(storage, RevocationCodec.schema)
        var assembly = SessionEntryAssembly()
        try reader.replay { records in
            for record in records {
                if record.kind == .sessionEntry {
                    if let entry = assembly.take(record) { replay.apply(.sessionListed(entry), at: record.time) }
                    continue
                }
                guard let event = RevocationCodec.event(record) else { continue }
                replay.apply(event, at: record.time)
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
        var options = JournalOptions(clock: clock, random: random)
        options.observe = observe
        options.pace = pace
        options.reserveByteCount = reserveByteCount
        if let segmentRecordCount { options.segmentRecordCount = segmentRecordCount }
        options.note = OpeningNote(replay.finish(lastTime: reader.lastTime))
        return JournalLog(try reader.intoWriter(options), replay.index)
    }
}

extension LogPosition {
    init(_ position: JournalPosition) {
        self.init(seq: position.seq, time: position.time)
    }
}
