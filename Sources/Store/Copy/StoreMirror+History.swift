import Journal
import Platform
import Revocation
import Synchronization

extension StoreMirror {
    /// The last record that came from the log, and the position before it.
    var lastRead: (record: JournalRecord, before: LedgerPosition)? {
        state.withLock { state in
            guard let last = state.last, last.seq > 0 else { return nil }
            let epoch = state.epochs.position(of: last.seq).epoch
            return (last, LedgerPosition(epoch: epoch, seq: last.seq - 1))
        }
    }

    /// Where this node had the last record that all replicas had; nil if that is not known.
    var safePosition: LedgerPosition? {
        let seq = safeSeq
        return seq == 0 ? nil : epochs.position(of: seq)
    }

    /// Whether the engine has other records than this node at the same positions, or lacks what it cannot have lost: it
    /// must be told everything, and be read again as a whole.
    var hasOtherHistory: Bool { sawOtherHistory.load(ordering: .acquiring) }

    /// Whether the log no longer goes back to this node's last record, so that nothing says whether the engine has what this
    /// node has: it must be told everything.
    var hasUnknownHistory: Bool { lacksHistory.load(ordering: .acquiring) }

    func note(unknownHistory: Bool) { lacksHistory.store(unknownHistory, ordering: .releasing) }

    func note(otherHistory: Bool) { sawOtherHistory.store(otherHistory, ordering: .releasing) }
}
