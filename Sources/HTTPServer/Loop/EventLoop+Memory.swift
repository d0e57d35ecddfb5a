import HTTP
import Synchronization

// The memory limit of all connections together.
extension EventLoop {
    /// The number of bytes that every connection may keep, regardless of how many there are.
    private static let shareMin = 4_096

    /// Updates the memory total after an event on this connection. The common case keeps nothing and needs one
    /// comparison: the request arrives in one piece and the client reads the response at once.
    mutating func account(_ slot: Int) {
        let buffered = connections[slot].bufferedByteCount
        let change = buffered &- connections[slot].heldByteCount
        guard change != 0 else { return }
        connections[slot].heldByteCount = buffered
        let total = shared.counters.buffered.add(change, ordering: .relaxed).newValue
        if change > 0, total > shared.limits.bufferByteCountMax / 2 { relieve(slot, buffered, total) }
    }

    /// Closes connections that use too much memory. Above half of the limit, it closes a connection that needs more
    /// than an equal share of that half; at the limit, it closes any connection that needs more. Connections that use
    /// little memory therefore continue.
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
        case .proxyHeader, .handshake, .idle, .deferred, .streaming, .writing, .lingering: return close(slot)
        }
        if connections[slot].stage != .closed { account(slot) }
    }
}
