internal import Encoding
import Platform
internal import Synchronization

/// The size of the journal.
package struct JournalExtent: Equatable, Sendable {
    /// The number of records on disk, including obsolete ones.
    package internal(set) var recordCount: UInt64
    /// The number of segments since the last compaction, including the one that is being written.
    package internal(set) var segmentCount: UInt64

    package init(recordCount: UInt64, segmentCount: UInt64) {
        self.recordCount = recordCount
        self.segmentCount = segmentCount
    }
}

extension JournalWriter {
    package var extent: JournalExtent {
        let base = compacted.withLock { $0 }
        return JournalExtent(
            recordCount: durableSeq &- base.lastSeq &+ base.recordCount,
            segmentCount: core.activeSegment.load(ordering: .acquiring) &- base.number)
    }

    /// Seals the segment that is being written, and makes a snapshot of everything before the next one.
    ///
    /// It runs on the thread of the caller and blocks it for as long as the disk takes; commits continue meanwhile.
    /// Concurrent calls run one after another.
    ///
    /// - Throws: `.unwritable` or `.closed` as an append would; `.corrupt` if the input is damaged. The old files
    ///   remain valid until the new snapshot is complete.
    package func compact(_ filter: any CompactionFilter) throws(JournalError) -> CompactionReport {
        // Locked for the whole operation, so that `close()` releases the directory lock only after the last change.
        try compacting.withLock { _ throws(JournalError) in
            try roll()
            let compaction = Compaction(storage: storage, options: options, kinds: kinds) {
                self.core.queue.withLock { $0.isClosing }
            }
            let report = try compaction.run(below: core.activeSegment.load(ordering: .acquiring), filter)
            if report.number > 0 {
                let base = CompactedBase(
                    number: report.number, lastSeq: report.lastSeq, recordCount: report.keptCount)
                compacted.withLock { $0 = base }
            }
            return report
        }
    }

    /// Seals the current segment and returns after a new one exists.
    private func roll() throws(JournalError) {
        let answer = ConditionLock<Result<JournalPosition, JournalError>?>(nil)
        let fault: JournalError? = core.queue.withLock { queue in
            if let fault = queue.fault { return fault }
            guard let position = queue.roll(store) else { return nil }
            queue.call(
                { result in
                    answer.withLock { $0 = result }
                    answer.signal()
                }, after: position)
            return nil
        }
        if let fault { throw fault }
        core.queue.signal()
        // A simulated writer sleeps for a while; one that sleeps for good was not woken.
        var vainCount = 0
        while answer.withLock({ $0 == nil }), step() || (isSimulated && vainCount < 1_000) { vainCount += 1 }
        guard !isSimulated || answer.withLock({ $0 != nil }) else { throw .unwritable(reason: "the writer sleeps") }
        _ = try answer.wait { $0 }.get()
    }
}

/// What the newest snapshot covers.
struct CompactedBase: Sendable {
    let number: UInt64
    let lastSeq: UInt64
    let recordCount: UInt64

    init(number: UInt64, lastSeq: UInt64, recordCount: UInt64) {
        self.number = number
        self.lastSeq = lastSeq
        self.recordCount = recordCount
    }

    init(_ snapshot: Snapshot?) {
        let header = snapshot?.header
        self.init(number: header?.number ?? 0, lastSeq: header?.lastSeq ?? 0, recordCount: header?.recordCount ?? 0)
    }
}
