package import Encoding
internal import Synchronization

/// Lets one rotation of a session at a time compare its generation and be written.
package final class RotationArbiter: Sendable {
    /// For each session with a rotation in progress, the attempts that wait for its end: few, and each only for the
    /// duration of one commit.
    package init() {}

    private let waiting = Mutex<[UUID: [@Sendable () -> Void]]>([:])

    /// Begins a rotation.
    ///
    /// - Parameter again: runs after the rotation in progress, if there is one.
    /// - Returns: whether there is none. Then ``end(_:)`` must follow.
    package func begin(_ sid: UUID, again: @escaping @Sendable () -> Void) -> Bool {
        waiting.withLock { waiting in
            guard waiting[sid] != nil else {
                waiting[sid] = []
                return true
            }
            waiting[sid]?.append(again)
            return false
        }
    }

    package func end(_ sid: UUID) {
        for again in waiting.withLock({ $0.removeValue(forKey: sid) }) ?? [] { again() }
    }
}
