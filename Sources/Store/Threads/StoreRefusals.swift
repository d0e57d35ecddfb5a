import Journal
import Platform
import Revocation
import Synchronization

/// Answers callers whose steps the engine does not record, and keeps the revocations among them until it has them.
///
/// All threads of the ledger use it: whatever the others are at, one of them answers in time.
final class StoreRefusals: Sendable {
    private let queue: StoreQueue
    private let unsent: Mutex<UnsentRevocations>
    private let status: StoreStatus
    private let observe: @Sendable (StoreEvent) -> Void

    init(
        _ queue: StoreQueue, _ unsent: sending UnsentRevocations, _ status: StoreStatus,
        observe: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.queue = queue
        self.unsent = Mutex(unsent)
        self.status = status
        self.observe = observe
    }

    /// Fails steps. Their revocations take effect on this node, and are kept until the engine has them.
    func refuse(_ tasks: [StoreTask], _ fault: RevocationError) {
        guard !tasks.isEmpty else { return }
        let unkept = keep(tasks.compactMap(\.revocation))
        for task in tasks { task.fail(task.revocation == nil ? fault : unkept ?? fault) }
    }

    /// Returns why revocations are not in the file; nil if they are.
    private func keep(_ revocations: [[JournalRecord]]) -> RevocationError? {
        guard !revocations.isEmpty else { return nil }
        return unsent.withLock { unsent in
            var fault: RevocationError?
            for records in revocations where !unsent.add(records) {
                fault = .unwritable(reason: "too many revocations wait for the engine")
            }
            do throws(JournalError) {
                try unsent.store()
            } catch {
                // They apply in memory all the same, and are written with the next ones.
                fault = error
                observe(.copyUnwritable(reason: "\(error)"))
            }
            count(unsent)
            return fault
        }
    }

    private func count(_ unsent: UnsentRevocations) {
        let count = unsent.groups.count
        status.count { $0.unsentRevocations = count }
    }

    /// Answers those who have waited too long for their turn.
    ///
    /// - Returns: whether there were any.
    @discardableResult func answerExpired(at now: Int64) -> Bool {
        let expired = queue.takeExpired(at: now)
        refuse(expired, .unavailable(reason: "the engine did not answer in time"))
        return !expired.isEmpty
    }

    /// Stores the revocations that came while nothing was taken, and answers their callers.
    ///
    /// - Returns: whether there were any.
    @discardableResult func answerKept() -> Bool {
        let kept = queue.takeKept()
        refuse(kept, queue.refusal)
        return !kept.isEmpty
    }

    /// Returns the first revocations that the engine does not have.
    func first(_ count: Int) -> [[JournalRecord]] { unsent.withLock { Array($0.groups.prefix(count)) } }

    /// Drops the first revocations, which the engine has now.
    func removeFirst(_ count: Int) {
        unsent.withLock { unsent in
            do throws(JournalError) {
                try unsent.removeFirst(count)
            } catch {
                // They are sent again after a restart, which changes nothing.
                observe(.copyUnwritable(reason: "\(error)"))
            }
            self.count(unsent)
        }
    }
}
