internal import Encoding
internal import Synchronization

extension JournalCopy {
    /// Locks the directory, reads the copy in it, and continues it.
    ///
    /// What a crash left behind the last whole record is dropped: the other store has those records.
    ///
    /// - Parameter body: receives the records in batches, those of the snapshot first.
    /// - Throws: `.otherUse` if the directory has a journal.
    package static func open(
        _ storage: any JournalStorage, _ schema: JournalSchema, _ options: JournalOptions,
        _ body: ([JournalRecord]) -> Void
    ) throws(JournalError) -> JournalCopy {
        try storage.lock()
        do throws(JournalError) {
            try storage.remove(storage.names().filter(TemporaryName.isOurs))
            let chain = try SegmentChain(storage, schema.kinds)
            if let file = chain.segments.last?.name ?? chain.snapshot?.file, chain.isCopy == false {
                throw .otherUse(
                    what: """
                        \(file) belongs to a journal, not to the copy of an engine. Choose an empty directory with \
                        MARTLET_STATE, and bring the journal into the engine with `martlet store import`.
                        """)
            }
            return try read(chain, storage, schema, options, body)
        } catch {
            storage.unlock()
            throw error
        }
    }

    private static func read(
        _ chain: SegmentChain, _ storage: any JournalStorage, _ schema: JournalSchema, _ options: JournalOptions,
        _ body: ([JournalRecord]) -> Void
    ) throws(JournalError) -> JournalCopy {
        let tail: TailRecovery?
        if let last = chain.segments.last {
            tail = try TailRecovery(last, in: storage, isSafeAlone: { _ in false })
        } else {
            tail = nil
        }
        var reader = ChainReader(
            chain, segmentCount: chain.segments.count, tailCount: tail?.intactCount ?? 0, in: storage)
        var records: [JournalRecord] = []
        while try reader.next(into: &records, upTo: ReadSize.recordCountMax) {
            body(records)
            records.removeAll(keepingCapacity: true)
        }
        if let last = chain.segments.last, last.byteCount > last.offset(of: reader.lastSeq &+ 1) {
            try storage.truncate(last.name, to: last.offset(of: reader.lastSeq &+ 1))
        }
        try storage.remove(chain.obsolete)
        let store =
            chain.segments.last?.header.store ?? chain.snapshot?.header.store
            ?? UUID(high: options.random(), low: options.random())
        let number = (chain.segments.last?.header.number ?? chain.snapshot?.header.number ?? 0) &+ 1
        let segments = SegmentWriter(
            storage: storage, store: store, options: options, number: number, previousLastSeq: reader.lastSeq,
            previousChecksum: reader.lastChecksum, isCopy: true)
        let state = State(
            segments: segments, lastSeq: reader.lastSeq, lastTime: reader.lastTime, lastChecksum: reader.lastChecksum)
        return JournalCopy(
            state, storage: storage, options: options, kinds: schema.kinds, store: store,
            base: CompactedBase(chain.snapshot))
    }

    /// Reads the records of the files while the copy is being written. Nothing is compacted or replaced meanwhile.
    ///
    /// - Parameters:
    ///   - last: the number of the last record to read, at most ``durableSeq``.
    ///   - begin: receives the number up to which a snapshot has the records; 0 if there is none.
    ///   - batch: receives the records, those of the snapshot first, perhaps with some above `last`.
    package func read(
        upTo last: UInt64, begin: (UInt64) -> Void, batch: ([JournalRecord]) -> Void
    ) throws(JournalError) {
        try files.withLock { _ throws(JournalError) in
            let chain = try SegmentChain(storage, kinds)
            let first = chain.segments.last?.header.firstSeq ?? 0
            let covered = chain.snapshot?.header.lastSeq ?? 0
            begin(covered)
            var reader = ChainReader(
                chain, segmentCount: chain.segments.count, tailCount: last >= first ? last &- first &+ 1 : 0,
                chunkByteCount: ReadSize.besideCommits, in: storage)
            var records: [JournalRecord] = []
            while try reader.next(into: &records, upTo: ReadSize.recordCountMax) {
                batch(records)
                if reader.lastSeq > max(last, covered) { return }
                records.removeAll(keepingCapacity: true)
            }
        }
    }
}
