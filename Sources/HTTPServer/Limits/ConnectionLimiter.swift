import HTTP
import Synchronization

/// Counts the open connections of each source over all loops.
final class ConnectionLimiter: Sendable {
    private let countMax: Int
    private let counts = Mutex<[PeerAddress: Int]>([:])

    /// - Parameter countMax: the limit per source; zero means unlimited.
    init(countMax: Int) {
        self.countMax = countMax
    }

    /// Counts a connection, unless its source has reached the limit.
    ///
    /// - Returns: whether the connection was counted.
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

    /// Removes a connection that ``admit(_:)`` counted.
    func dismiss(_ peer: PeerAddress) {
        guard countMax > 0, peer != .local else { return }
        let source = peer.source
        counts.withLock { counts in
            let count = counts[source] ?? 0
            counts[source] = count > 1 ? count - 1 : nil
        }
    }
}
