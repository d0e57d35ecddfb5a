import Synchronization

/// A liveness check of all loops; it counts the loops that have not responded yet.
final class LoopHeartbeat: Sendable {
    private let missing: Atomic<Int>

    init(count: Int) {
        missing = Atomic(count)
    }

    func answer() {
        missing.subtract(1, ordering: .relaxed)
    }

    var isComplete: Bool { missing.load(ordering: .relaxed) <= 0 }
}
