import CLinux
import Glibc
import HTTP
import Synchronization

// How connections are accepted, rejected and closed.
extension EventLoop {
    /// How much of what a closing connection still sends is thrown away before it is reset.
    static let lingerByteCountMax = 16 << 20
    /// How many connections above the limit may get a 503, each in a place of its own.
    private static let refusedMax = 256
    /// How long the loop accepts nothing after descriptors ran out, in milliseconds.
    private static let acceptPause: Int64 = 100
    /// How long connections then wait in the queue before some are closed, in milliseconds.
    private static let exhaustionPatience: Int64 = 1_000

    mutating func accept(from index: Int) {
        guard index < shared.listeners.count else { return }
        // Bounded, so that existing connections are served too.
        for _ in 0..<64 where !acceptOne(shared.listeners[index]) { return }
    }

    /// Accepts one connection.
    ///
    /// - Returns: whether there may be more.
    mutating func acceptOne(_ listener: ListenSocket) -> Bool {
        var address = [UInt8](repeating: 0, count: 128)
        var byteCount = UInt32(address.count)
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = unsafe address.withUnsafeMutableBytes { octets in
            unsafe clinux_accept4(listener.descriptor, octets.baseAddress, &byteCount, flags)
        }
        guard descriptor >= 0 else { return goesOnAccepting(listener, after: errno) }
        exhaustedSince = nil
        let peer = PeerAddress(socketAddress: address.span, byteCount: Int(byteCount))
        shared.counters.accepted.add(1, ordering: .relaxed)
        let transport = Transport(descriptor: descriptor)
        hand(
            AcceptedConnection(
                transport: transport, peer: peer, role: listener.role, isSecure: listener.isSecure,
                usesProxyProtocol: listener.usesProxyProtocol,
                peerUser: listener.role == .operator && peer == .local ? Self.user(at: descriptor) : nil))
        return true
    }

    private static func user(at socket: Int32) -> UInt32? { UInt32(exactly: clinux_peer_user(socket)) }

    private mutating func goesOnAccepting(_ listener: ListenSocket, after error: Int32) -> Bool {
        switch error {
        case EAGAIN, EBADF, EINVAL: return false
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            shed(listener)
            for other in shared.listeners { queue.remove(other.descriptor) }
            acceptsAgainAt = now &+ Self.acceptPause
            return false
        // The connection has already been closed, or the call was interrupted (accept(2)).
        default: return true
        }
    }

    /// After descriptors have been exhausted for a while, accepts and closes one connection, so that its client can go
    /// elsewhere. Before that, clients wait.
    private mutating func shed(_ listener: ListenSocket) {
        let since = exhaustedSince ?? now
        exhaustedSince = since
        guard now &- since >= Self.exhaustionPatience else { return }
        let counters = shared.counters
        spare.lend {
            let descriptor = clinux_accept4(listener.descriptor, nil, nil, 0)
            guard descriptor >= 0 else { return }
            _ = Glibc.close(descriptor)
            counters.refused.add(1, ordering: .relaxed)
        }
    }

    /// Passes a new connection to the loop with the fewest connections, because a loop that accepts faster would
    /// otherwise get most of them.
    private mutating func hand(_ arrival: AcceptedConnection) {
        var chosen = mailbox
        if drain == .running {
            var least = chosen.load.load(ordering: .relaxed)
            for other in shared.mailboxes {
                let load = other.load.load(ordering: .relaxed)
                if load < least { (chosen, least) = (other, load) }
            }
        }
        chosen.load.add(1, ordering: .relaxed)
        if chosen === mailbox { return adopt(arrival) }
        guard !chosen.post(.adopt(arrival)) else { return }
        chosen.load.subtract(1, ordering: .relaxed)
        mailbox.load.add(1, ordering: .relaxed)
        adopt(arrival)
    }

    /// Adds a connection that ``LoopMailbox/load`` already counts.
    mutating func adopt(_ arrival: AcceptedConnection) {
        let open = shared.counters.open.add(1, ordering: .relaxed).newValue
        let slot = place(arrival)
        connections[slot].interest = EventQueue.readable
        guard open - shared.limits.connectionsMax <= Self.refusedMax,
            queue.add(arrival.transport.descriptor, EventQueue.readable, data(of: slot))
        else {
            shared.counters.refused.add(1, ordering: .relaxed)
            return close(slot)
        }
        if arrival.usesProxyProtocol { awaitIntroduction(slot) } else { begin(slot) }
    }

    /// Starts a connection whose origin is known, or answers that the limit is reached.
    mutating func begin(_ slot: Int) {
        let peer = connections[slot].peer
        let isRelay = shared.trust.covers(peer)
        let hasRoom =
            shared.counters.open.load(ordering: .relaxed) <= shared.limits.connectionsMax
            && shared.counters.buffered.load(ordering: .relaxed) <= shared.limits.bufferByteCountMax
        // A trusted proxy carries connections of many clients, so they do not count against its own address.
        let isAdmitted = hasRoom && (isRelay || shared.census.admit(peer))
        connections[slot].isRelay = isRelay
        connections[slot].isCounted = isAdmitted && !isRelay
        if !isAdmitted { shared.counters.refused.add(1, ordering: .relaxed) }
        if connections[slot].isSecure { return isAdmitted ? beginTLS(slot) : close(slot) }
        connections[slot].stage = .idle
        connections[slot].deadline = now &+ shared.deadlines.idle
        if !isAdmitted { refuseNow(slot, .tooManyConnections) }
    }

    private mutating func place(_ arrival: AcceptedConnection) -> Int {
        if let slot = freePlaces.popLast() {
            let (generation, ticket) = (connections[slot].generation, connections[slot].ticket)
            let reader = HTTP1Reader(limits: shared.limits)
            connections[slot] = Connection(arrival, reader: reader, generation: generation, ticket: ticket)
            return slot
        }
        let reader = HTTP1Reader(limits: shared.limits)
        connections.append(Connection(arrival, reader: reader, generation: 0, ticket: 0))
        return connections.count - 1
    }

    /// Ends a connection whose last response was sent.
    mutating func end(_ slot: Int) {
        guard connections[slot].lingers else { return close(slot) }
        connections[slot].transport.endSending()
        connections[slot].input = []
        connections[slot].stage = .lingering
        connections[slot].began = now
        connections[slot].deadline = now &+ shared.deadlines.linger
        watch(slot, EventQueue.readable)
    }

    /// Discards what a closing connection still sends.
    mutating func discard(_ slot: Int) {
        switch connections[slot].transport.discard(into: &request.bytes) {
        case .moved(let count):
            connections[slot].lingeredByteCount &+= count
            guard connections[slot].lingeredByteCount <= Self.lingerByteCountMax else { return close(slot) }
            // A client that sends all of its content before it reads gets time for that, at the minimum rate for
            // content.
            connections[slot].deadline = min(
                now &+ shared.deadlines.linger,
                shared.deadlines.content(began: connections[slot].began, received: connections[slot].lingeredByteCount))
        case .wouldBlock: break
        case .ended, .failed: close(slot)
        }
    }

    mutating func close(_ slot: Int) {
        if connections[slot].stage == .handshake { handshakes.end() }
        connections[slot].transport.close()
        if connections[slot].isCounted { shared.census.dismiss(connections[slot].peer) }
        connections[slot].stage = .closed
        connections[slot].isDeferred = false
        connections[slot].deadline = .max
        // The highest bit stays clear; it marks events that do not belong to connections.
        connections[slot].generation = (connections[slot].generation &+ 1) & 0x7fff_ffff
        connections[slot].ticket &+= 1
        connections[slot].input = []
        connections[slot].output = []
        // The session closes its streams.
        connections[slot].http2 = nil
        if connections[slot].stream != nil { closeStream(slot) }
        if let wait = connections[slot].wait {
            connections[slot].wait = nil
            wait.close()
        }
        account(slot)
        freePlaces.append(slot)
        mailbox.load.subtract(1, ordering: .relaxed)
        shared.counters.open.subtract(1, ordering: .relaxed)
    }

    /// Handles an expired deadline.
    mutating func expire(_ slot: Int) {
        switch connections[slot].stage {
        case .idle, .lingering: close(slot)
        case .proxyHeader:
            shared.counters.timedOut.add(1, ordering: .relaxed)
            close(slot)
        case .head:
            shared.counters.timedOut.add(1, ordering: .relaxed)
            refuseNow(slot, .headTimeout)
        case .content:
            shared.counters.timedOut.add(1, ordering: .relaxed)
            refuseNow(slot, .bodyTimeout)
        case .handshake, .writing:
            shared.counters.timedOut.add(1, ordering: .relaxed)
            close(slot)
        case .http2: expireHTTP2(slot)
        case .deferred, .streaming, .closed: connections[slot].deadline = .max
        }
    }
}
