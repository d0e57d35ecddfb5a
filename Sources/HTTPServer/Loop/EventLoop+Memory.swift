import HTTP
import Synchronization

// How much the connections may keep in memory together.
extension EventLoop {
    /// What a connection may keep however many there are.
    private static let shareMin = 4_096

    /// Brings the count of what all connections keep up to date after something happened to this one. A request that
    /// comes in one piece, whose answer is taken at once, keeps nothing and passes by the first comparison.
    mutating func account(_ slot: Int) {
        let buffered = connections[slot].bufferedByteCount
        let change = buffered &- connections[slot].heldByteCount
        guard change != 0 else { return }
        connections[slot].heldByteCount = buffered
        let total = shared.counters.buffered.add(change, ordering: .relaxed).newValue
        if change > 0, total > shared.limits.bufferByteCountMax / 2 { relieve(slot, buffered, total) }
    }

    /// From half the limit on, a connection that wants more than its even share of that half is ended; at the limit
    /// itself, any that wants more. So those who take little go on while those who take much do not.
    private mutating func relieve(_ slot: Int, _ buffered: Int, _ total: Int) {
        let limit = shared.limits.bufferByteCountMax
        let openCount = max(1, shared.counters.open.load(ordering: .relaxed))
        guard buffered > max(Self.shareMin, limit / 2 / openCount) || total > limit else { return }
        shared.counters.shed.add(1, ordering: .relaxed)
        switch connections[slot].stage {
        case .head, .content: refuseNow(slot, .tooManyConnections)
        case .http2:
            guard let session = connections[slot].http2, connections[slot].output.isEmpty else { return close(slot) }
            session.calm()
            settleHTTP2(slot, session)
        case .closed: return
        case .proxyHeader, .handshake, .idle, .deferred, .writing, .lingering: return close(slot)
        }
        if connections[slot].stage != .closed { account(slot) }
    }
}
