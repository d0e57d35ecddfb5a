internal import Encoding
package import Platform
internal import Synchronization

/// The files of a journal with records that another store has numbered and dated: a part of its order from the beginning.
///
/// No record of its own is between them. So a segment ends without a SEAL, and no process leaves an OPEN record. Where
/// the numbers go on with a gap, another segment begins, and where the other store was read again as a whole, a snapshot replaces everything before.
///
/// One thread at a time writes; another one may read or compact meanwhile.
package final class JournalCopy: Sendable {
    struct State: ~Copyable {
        var segments: SegmentWriter
        var lastSeq: UInt64
        var lastTime: UnixMilliseconds
        var lastChecksum: UInt32
        var isClosed = false
    }

    let state: Mutex<State>
    let storage: any JournalStorage
    let options: JournalOptions
    let kinds: RecordKinds
    let store: UUID
    let compacted: Mutex<CompactedBase>
    /// Locked while files are read or replaced.
    let files = Mutex(())
    private let last: DurableSequence

    init(
        _ state: consuming State, storage: any JournalStorage, options: JournalOptions, kinds: RecordKinds, store: UUID,
        base: CompactedBase
    ) {
        self.storage = storage
        self.options = options
        self.kinds = kinds
        self.store = store
        compacted = Mutex(base)
        last = DurableSequence(state.lastSeq)
        self.state = Mutex(state)
    }

    deinit { close() }

    /// Every record up to this one is on stable storage.
    package var durableSeq: UInt64 { last.value }

    /// The number of the last record in the snapshot; 0 without one.
    package var snapshotSeq: UInt64 { compacted.withLock { $0.lastSeq } }

    /// The time of the newest record, in milliseconds since 1970; 0 if there is none.
    package var lastTime: UnixMilliseconds { state.withLock { $0.lastTime } }

    /// Adds records that follow ``durableSeq`` without a gap. They are on stable storage on return.
    ///
    /// After a failed write or sync, the records are written to another file.
    package func append(_ records: ArraySlice<JournalRecord>) throws(JournalError) {
        try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { throw .closed }
            var rest = records
            while let first = rest.first {
                guard first.seq == state.lastSeq &+ 1 else {
                    throw .unwritable(reason: "record \(state.lastSeq &+ 1) expected, record \(first.seq) given")
                }
                let room = state.segments.room(from: first.seq)
                if room == 0 {
                    Self.endSegment(&state)
                    continue
                }
                let chunk = rest.prefix(min(Int(clamping: room), TailRecovery.batchCountMax))
                try write(chunk, &state)
                rest = rest.dropFirst(chunk.count)
            }
        }
    }

    private func write(_ chunk: ArraySlice<JournalRecord>, _ state: inout State) throws(JournalError) {
        do throws(JournalError) {
            try state.segments.commit(chunk, durableSeq: state.lastSeq)
        } catch {
            // A second sync of the same pages could wrongly report success.
            try state.segments.abandon(after: state.lastSeq, for: error)
            try state.segments.checkPlace()
            try state.segments.commit(chunk, durableSeq: state.lastSeq)
            options.observe(.rewritten(reason: error.description))
        }
        guard let newest = chunk.last else { return }
        state.lastSeq = newest.seq
        state.lastTime = chunk.reduce(state.lastTime) { max($0, $1.time) }
        state.lastChecksum = state.segments.checksum
        last.advance(to: newest.seq)
    }

    /// Adds a record whose number is above the next one: the other store has left numbers out before it.
    package func jump(to record: JournalRecord) throws(JournalError) {
        try state.withLock { state throws(JournalError) in
            guard !state.isClosed else { throw .closed }
            guard record.seq > state.lastSeq else {
                throw .unwritable(reason: "a record above \(state.lastSeq) expected, record \(record.seq) given")
            }
            Self.endSegment(&state)
            try write([record], &state)
        }
    }

    /// Ends the segment that is being written; the next record begins another one.
    static func endSegment(_ state: inout State) {
        if state.segments.activeNumber != nil { state.segments.end(after: state.lastSeq) }
    }

    /// Continues after a snapshot with this number, which covers everything up to `seq`.
    func restart(
        _ state: inout State, after number: UInt64, at seq: UInt64, time: UnixMilliseconds, checksum: UInt32
    ) {
        state.segments = SegmentWriter(
            storage: storage, store: store, options: options, number: number &+ 1, previousLastSeq: seq,
            previousChecksum: checksum, isCopy: true)
        (state.lastSeq, state.lastTime, state.lastChecksum) = (seq, max(time, state.lastTime), checksum)
        last.advance(to: seq)
    }

    package var extent: JournalExtent {
        let base = compacted.withLock { $0 }
        let (seq, number) = state.withLock { ($0.lastSeq, $0.segments.number) }
        return JournalExtent(
            recordCount: seq &- min(seq, base.lastSeq) &+ base.recordCount,
            segmentCount: number &- min(number, base.number))
    }

    /// Releases the directory. Later calls do nothing.
    package func close() {
        let isFirst = state.withLock { state in
            if state.isClosed { return false }
            state.isClosed = true
            state.segments.close()
            return true
        }
        if isFirst { files.withLock { _ in storage.unlock() } }
    }
}
