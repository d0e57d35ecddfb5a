package import Encoding
package import Platform

/// The result of opening a journal.
package struct JournalReport: Equatable, Sendable {
    package var segmentCount = 0
    package var recordCount: UInt64 = 0
    /// The number of those that came from a snapshot.
    package var snapshotRecordCount: UInt64 = 0
    /// The number of records after a torn slot that were applied anyway and written again.
    package var salvagedCount = 0
    /// The number of unacknowledged bytes that were dropped; a copy was kept if it is not 0.
    package var tornByteCount: UInt64 = 0
    /// The name of that copy.
    package var tornCopy: String?
    /// Whether the journal is new or was closed by the last process.
    package var isClean = true

    package init() {}
}

/// Replays a journal. Reading to the end is the only way to get a ``JournalWriter``.
package struct JournalReader: ~Copyable {
    private let storage: any JournalStorage
    private let schema: JournalSchema
    private let chain: SegmentChain
    private let tail: TailRecovery?
    private var records: ChainReader
    private var salvageIndex = 0
    private var isAtEnd = false
    package private(set) var report: JournalReport

    package var lastSeq: UInt64 { records.lastSeq }
    /// Nil for a new journal.
    package var store: UUID? { chain.segments.last?.header.store }
    /// Milliseconds since 1970; 0 if there is no record.
    package var lastTime: UnixMilliseconds { records.lastTime }

    /// Acquires the lock and validates the sequence of segments and the snapshot that it begins with.
    package init(_ storage: any JournalStorage, _ schema: JournalSchema) throws(JournalError) {
        (chain, tail) = try Self.open(storage, schema)
        self.storage = storage
        self.schema = schema
        records = ChainReader(
            chain, segmentCount: chain.segments.count, tailCount: tail?.intactCount ?? 0, in: storage)
        report = JournalReport()
        report.snapshotRecordCount = chain.snapshot?.header.recordCount ?? 0
        report.segmentCount = chain.segments.count
        report.isClean = tail?.isSealed ?? true
        report.salvagedCount = tail?.salvaged.count ?? 0
        if let torn = tail?.torn { report.tornByteCount = torn.upperBound &- torn.lowerBound }
    }

    private static func open(
        _ storage: any JournalStorage, _ schema: JournalSchema
    ) throws(JournalError) -> (SegmentChain, TailRecovery?) {
        try storage.lock()
        do throws(JournalError) {
            try storage.remove(storage.names().filter(TemporaryName.isOurs))
            let chain = try SegmentChain(storage, schema.kinds)
            if let file = chain.segments.last?.name ?? chain.snapshot?.file, chain.isCopy == true {
                throw .otherUse(
                    what: """
                        \(file) belongs to the copy of an engine, not to a journal. Set MARTLET_STORE to that engine \
                        again, or choose another directory with MARTLET_STATE. To go back to a journal, run martlet \
                        store export.
                        """)
            }
            guard let last = chain.segments.last else { return (chain, nil) }
            return (chain, try TailRecovery(last, in: storage, isSafeAlone: schema.isSafeAlone))
        } catch {
            storage.unlock()
            throw error
        }
    }

    /// Returns the next record, or nil at the end. Salvaged records come last.
    ///
    /// - Throws: `.corrupt` if a record that was on stable storage is damaged.
    package mutating func next() throws(JournalError) -> JournalRecord? {
        if let record = try records.next() {
            report.recordCount &+= 1
            return record
        }
        if let tail, salvageIndex < tail.salvaged.count {
            salvageIndex += 1
            return renumbered(tail.salvaged, from: salvageIndex - 1).first
        }
        isAtEnd = true
        return nil
    }

    /// Passes all remaining records to `body` in order and in batches, while another thread reads ahead.
    ///
    /// - Throws: as ``next()``; `body` has received everything before the damage.
    package mutating func replay(_ body: ([JournalRecord]) -> Void) throws(JournalError) {
        let ahead = ReadAhead(records)
        let thread = try JournalError.thread("replay") { ahead.run() }
        defer { thread.join() }
        records = try ahead.take { batch in
            report.recordCount &+= UInt64(batch.count)
            body(batch)
        }
        if let salvaged = tail?.salvaged, salvageIndex < salvaged.count {
            body(renumbered(salvaged, from: salvageIndex))
        }
        isAtEnd = true
    }

    /// Returns salvaged records with the numbers that they get when they are written again.
    private func renumbered(_ salvaged: [JournalRecord], from start: Int) -> [JournalRecord] {
        salvaged.enumerated().dropFirst(start).map { index, record in
            var record = record
            record.seq = lastSeq &+ UInt64(index) &+ 1
            return record
        }
    }

    /// Begins a new segment, after copying and truncating what a crash left at the end of the old one.
    ///
    /// A segment of an earlier process is never written again: after a failed sync its page cache cannot be trusted.
    package consuming func intoWriter(_ options: JournalOptions) throws(JournalError) -> JournalWriter {
        precondition(isAtEnd, "a journal is read to its end before it is written")
        let last = chain.segments.last
        let store = last?.header.store ?? UUID(high: options.random(), low: options.random())
        do throws(JournalError) {
            if let last, let torn = tail?.torn { try keepAside(torn, of: last) }
            var queue = JournalQueue(lastSeq: lastSeq, lastTime: lastTime, options: options)
            let salvaged = tail?.salvaged ?? []
            for record in salvaged { _ = queue.push(record) }
            _ = queue.push(.opening(store, options.note, salvagedCount: salvaged.count))
            let segments = SegmentWriter(
                storage: storage, store: store, options: options,
                number: (last?.header.number ?? 0) &+ 1,
                previousLastSeq: lastSeq, previousChecksum: records.lastChecksum)
            let core = WriterCore(queue: queue, durableSeq: lastSeq)
            let loop = CommitLoop(core: core, segments: segments, storage: storage, options: options)
            // After a process was killed, its records may not have reached the medium yet. Nothing may depend on them
            // before they have.
            if let last { try storage.truncate(last.name, to: last.byteCount) }
            // Proves that the directory is writable before anything is acknowledged.
            try loop.commitQueued()
            // Not earlier: until the new segment states where the old one ends, the dropped bytes are the evidence.
            if let last, last.byteCount > last.offset(of: lastSeq &+ 1) {
                try storage.truncate(last.name, to: last.offset(of: lastSeq &+ 1))
            }
            // The snapshot was read completely; an interrupted compaction left the files that it covers.
            try storage.remove(chain.obsolete)
            return try JournalWriter(
                core: core, loop: loop, storage: storage, store: store, options: options, kinds: schema.kinds,
                report: report, snapshot: chain.snapshot)
        } catch {
            storage.unlock()
            throw error
        }
    }

    private mutating func keepAside(_ torn: Range<UInt64>, of segment: Segment) throws(JournalError) {
        // Reads begin at a multiple of 4,096.
        let start = torn.lowerBound / 4_096 * 4_096
        let bytes = try storage.read(segment.name, at: start, count: Int(clamping: torn.upperBound &- start))
        let name = TornName.text(segment.name, offset: torn.lowerBound)
        let copy = try storage.create(name, content: Array(bytes.dropFirst(Int(clamping: torn.lowerBound &- start))))
        copy.close()
        report.tornCopy = name
    }
}
