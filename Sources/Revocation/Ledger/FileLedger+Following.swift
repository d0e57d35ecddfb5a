package import Journal

/// The files of a ledger, from which everything that lives can be read. Memory has fingerprints only.
package protocol LedgerFiles: AnyObject, Sendable {
    var followers: FileFollowers { get }
    var head: LedgerHead { get }
    /// Every record up to this number is in the files.
    var storedSeq: UInt64 { get }
    var extent: JournalExtent { get }

    /// Reads the records up to a number. Nothing is compacted meanwhile.
    ///
    /// - Parameters:
    ///   - begin: receives the number up to which a compaction has replaced the records; 0 if there was none.
    ///   - batch: receives the records in order, perhaps with some above `last`.
    func read(
        upTo last: UInt64, begin: (UInt64) -> Void, batch: ([JournalRecord]) -> Void
    ) throws(JournalError)

    /// Drops the records that a filter does not keep.
    func compact(keeping filter: any CompactionFilter) throws(JournalError) -> CompactionReport
}

extension LedgerFiles {
    /// Reads what the sink lacks from the files; a sink at the head gets new records only.
    ///
    /// It reads on the thread of the caller until the sink has caught up. So a caller that must not wait calls it on a
    /// thread of its own.
    package func follow(from position: LedgerPosition?, into sink: any LedgerSink) {
        let follower = FileFollower(sink) { [followers] in followers.epochs }
        var known = position.flatMap { followers.epochs.number(of: $0) }
        // A position beyond the head belongs to another history.
        if let number = known, number > storedSeq { known = nil }
        if let position, position.epoch != head.epoch { sink.epoch(head.epoch) }
        repeat {
            follower.restart()
            guard let joined = followers.add(follower) else { return sink.away(.closed) }
            do throws(JournalError) {
                if known != joined { try read(after: known, upTo: joined, follower, sink) }
            } catch {
                followers.remove(follower)
                return sink.away(error)
            }
            known = joined
            if follower.catchUp() { return sink.caughtUp(head.position) }
            followers.remove(follower)
        } while true
    }

    /// Passes the records after `number` up to `last` from the files.
    private func read(
        after number: UInt64?, upTo last: UInt64, _ follower: FileFollower, _ sink: any LedgerSink
    ) throws(JournalError) {
        var first = number
        try read(upTo: last) { covered in
            // A compaction has dropped records that were superseded, and merged others.
            if let number, number >= covered { return }
            first = nil
            sink.reset(followers.epochs.position(of: last))
        } batch: { records in
            follower.pass(records.filter { $0.seq > first ?? 0 && $0.seq <= last }[...])
        }
    }
}

extension FileLedger: LedgerFiles {
    package var storedSeq: UInt64 { journal.durableSeq }

    package func read(
        upTo last: UInt64, begin: (UInt64) -> Void, batch: ([JournalRecord]) -> Void
    ) throws(JournalError) {
        try journal.read(upTo: last, begin: begin, batch: batch)
    }

    package func compact(keeping filter: any CompactionFilter) throws(JournalError) -> CompactionReport {
        try journal.compact(filter)
    }
}
