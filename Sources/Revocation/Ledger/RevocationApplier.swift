internal import Encoding
package import Journal
package import Platform
internal import Synchronization

/// Applies records to what lookups use while requests are being served: those of other processes and those of this one,
/// in the order of a ledger that all of them write.
package final class RevocationApplier: Sendable {
    private let index: RevocationIndex
    private let assembly = Mutex(SessionEntryAssembly())

    init(_ index: RevocationIndex) { self.index = index }

    /// Applies records. One thread at a time calls it.
    ///
    /// - Parameter position: says where a record is by its number.
    package func apply(_ records: ArraySlice<JournalRecord>, _ position: (UInt64) -> LedgerPosition) {
        var gathered = RevocationIndex.Gathered()
        for record in records {
            guard let event = assembly.withLock({ RevocationCodec.event(record, &$0) }) else { continue }
            index.gather(event, at: LedgerStamp(position(record.seq), time: record.time), into: &gathered)
        }
        index.take(&gathered)
    }

    /// Applies revocations that are not in the ledger yet.
    package func apply(_ records: [JournalRecord]) {
        var gathered = RevocationIndex.Gathered()
        for record in records {
            switch RevocationCodec.event(record) {
            case .revokedBefore(let cut, let kind, let key, _, _): index.cuts.hold(kind, key, cut)
            case .exempted(let sid, let cut, let kind, _): index.cuts.exempt(sid, kind, cut, seq: 0)
            case let event?: index.gather(event, at: LedgerStamp(LedgerPosition(epoch: 1, seq: 0), time: record.time), into: &gathered)
            case nil: break
            }
        }
        index.take(&gathered)
    }

    /// Selects the records that are still needed, after they were applied.
    ///
    /// - Parameter horizon: what expired at or before this time is not needed.
    package func live(horizon: UnixMilliseconds) -> any CompactionFilter { LiveRecords(index, horizon: horizon) }
}

extension RevocationReplay {
    package var applier: RevocationApplier { RevocationApplier(index) }

    /// Applies the records of a copy in order.
    ///
    /// - Parameter epochs: learns the epochs that begin. Their events have, in place of an offset, the number of the last
    ///   record before.
    package func apply(
        _ records: [JournalRecord], _ epochs: inout LedgerEpochs, _ assembly: inout EntryAssembly
    ) {
        for record in records {
            guard let event = RevocationCodec.event(record, &assembly.value) else { continue }
            if case .epochBegan(let epoch, let last) = event {
                epochs.begin(epoch, at: record.seq, offset: 0, after: last)
            }
            apply(event, at: LedgerStamp(epochs.position(of: record.seq), time: record.time))
        }
    }
}

/// The entry whose records are being read.
package struct EntryAssembly: Sendable {
    var value = SessionEntryAssembly()

    package init() {}
}
