import HTTP
import Synchronization

/// How many connections each source has open, over all loops.
final class ConnectionLimiter: Sendable {
    private let countMax: Int
    private let counts = Mutex<[PeerAddress: Int]>([:])

    /// - Parameter countMax: zero means no bound.
    init(countMax: Int) {
        self.countMax = countMax
    }

    /// Counts a connection in, unless its source has as many as it may.
    func admit(_ peer: PeerAddress) -> Bool {
        guard countMax > 0, peer != .local else { return true }
        let (source, countMax) = (peer.source, countMax)
        return counts.withLock { counts in
            let count = counts[source] ?? 0
            guard count < countMax else { return false }
            counts[source] = count + 1
            return true
        }
    }

    /// Counts out a connection that ``admit(_:)`` let in.
    func dismiss(_ peer: PeerAddress) {
        guard countMax > 0, peer != .local else { return }
        let source = peer.source
        counts.withLock { counts in
            let count = counts[source] ?? 0
            counts[source] = count > 1 ? count - 1 : nil
        }
    }
}
