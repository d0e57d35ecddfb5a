import Journal
import Revocation
import Synchronization

/// Records that are durable on the engine, whose callers wait until this node has them too.
final class AckTable: Sendable {
    private struct Entry {
        let position: LedgerPosition
        let task: StoreTask
        let release: @Sendable () -> Void
    }

    private let entries = Mutex<[Entry]>([])

    /// Adds a caller.
    ///
    /// - Parameter release: answers it.
    func add(_ task: StoreTask, at position: LedgerPosition, _ release: @escaping @Sendable () -> Void) {
        entries.withLock { $0.append(Entry(position: position, task: task, release: release)) }
    }

    /// Answers all who wait for records up to `head`.
    ///
    /// - Returns: those whose records are of an earlier epoch: it ended without them.
    func release(upTo head: LedgerPosition) -> [StoreTask] {
        let (ready, lost) = entries.withLock { entries -> ([Entry], [Entry]) in
            guard !entries.isEmpty else { return ([], []) }
            let ready = entries.filter { $0.position.epoch == head.epoch && $0.position.seq <= head.seq }
            let lost = entries.filter { $0.position.epoch < head.epoch }
            entries.removeAll {
                $0.position.epoch < head.epoch || $0.position.epoch == head.epoch && $0.position.seq <= head.seq
            }
            return (ready, lost)
        }
        for entry in ready { entry.release() }
        return lost.map(\.task)
    }

    /// Fails those who have waited too long.
    ///
    /// - Returns: whether there were any.
    @discardableResult func answerExpired(at now: Int64) -> Bool {
        let expired = entries.withLock { entries -> [StoreTask] in
            guard entries.contains(where: { $0.task.deadline <= now }) else { return [] }
            let expired = entries.filter { $0.task.deadline <= now }.map(\.task)
            entries.removeAll { $0.task.deadline <= now }
            return expired
        }
        for task in expired { task.fail(.unavailable(reason: "this node does not have the record yet")) }
        return !expired.isEmpty
    }

    var nextDeadline: Int64? { entries.withLock { $0.map(\.task.deadline).min() } }

    func takeAll() -> [StoreTask] {
        entries.withLock { entries in
            defer { entries = [] }
            return entries.map(\.task)
        }
    }
}
