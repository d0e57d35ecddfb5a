import Journal
import Revocation

extension StoreFollower {
    /// Compares the last record that this node has with that of the engine at its position.
    ///
    /// After an old backup was restored, a node without a copy may have written to it first. Then the numbers of the
    /// engine go as far as those of this node and mean something else.
    func compareHistory() throws(StoreFault) {
        guard let (own, before) = mirror.lastRead else { return }
        let found: JournalRecord?
        do throws(StoreFault) {
            found = try tail.read(after: before, wait: 0, by: deadline).records.first
        } catch {
            switch error {
            case .epoch(.some): found = nil
            // The log goes no longer back so far, or has nothing of ours.
            case .gone, .epoch(nil): return
            default: throw error
            }
        }
        if let found, found.seq == own.seq {
            guard (found.kind, found.key, found.time) != (own.kind, own.key, own.time) else { return }
            throw otherHistory()
        }
        // A failover may have lost the record, but not what all replicas had.
        guard let safe = mirror.safePosition else { return }
        do throws(StoreFault) {
            _ = try tail.read(after: safe, wait: 0, by: deadline)
        } catch {
            switch error {
            case .epoch(.some): throw otherHistory()
            case .gone, .epoch(nil): return
            default: throw error
            }
        }
    }

    private func otherHistory() -> StoreFault {
        mirror.note(otherHistory: true)
        return .epoch(nil)
    }

    private var deadline: StoreDeadline { .after(milliseconds: Int(clamping: options.timeout)) }
}
