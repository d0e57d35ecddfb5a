import HTTP
import OpenSSL
import Synchronization

// What comes before a connection's first message: a proxy's proxyHeader, a TLS handshake.
extension EventLoop {
    /// Only a proxy that is trusted may say whom it speaks for.
    mutating func awaitIntroduction(_ slot: Int) {
        guard shared.trust.covers(connections[slot].peer) else {
            shared.counters.refused.add(1, ordering: .relaxed)
            return close(slot)
        }
        connections[slot].stage = .proxyHeader
        connections[slot].deadline = now &+ shared.deadlines.head
    }

    /// Takes exactly the header out of the socket: what follows may be TLS, which reads for itself.
    mutating func readIntroduction(_ slot: Int) {
        let kept = connections[slot].input.count
        let room = ProxyHeader.byteCountMax &- kept
        let count: Int
        switch connections[slot].transport.peek(into: &request.bytes, from: kept, byteCountMax: room) {
        case .moved(let shown): count = shown
        case .wouldBlock: return
        case .ended, .failed: return close(slot)
        }
        request.bytes.replaceSubrange(0..<kept, with: connections[slot].input)
        switch ProxyHeader.read(request.bytes.span.extracting(0..<(kept &+ count))) {
        case .needsMore:
            // All of it belongs to the header; left in the socket, it would be told again and again.
            guard connections[slot].transport.take(count) else { return close(slot) }
            connections[slot].input.append(contentsOf: request.bytes[kept..<(kept &+ count)])
        case .complete(let consumed, let client):
            guard connections[slot].transport.take(consumed &- kept) else { return close(slot) }
            connections[slot].input = []
            if let client { connections[slot].peer = client }
            begin(slot)
        case .malformed:
            shared.counters.malformed.add(1, ordering: .relaxed)
            close(slot)
        }
    }

    mutating func beginTLS(_ slot: Int) {
        guard let identity = shared.identity, connections[slot].transport.secure(with: identity) else {
            shared.counters.refused.add(1, ordering: .relaxed)
            return close(slot)
        }
        connections[slot].stage = .handshake
        connections[slot].deadline = now &+ shared.deadlines.head
        handshakes.begin(data(of: slot))
        let countMax = max(1, shared.limits.handshakesMax / shared.mailboxes.count)
        while let oldest = handshakes.oldest {
            let slot = Int(oldest & 0xffff_ffff)
            if connections[slot].stage == .handshake, data(of: slot) == oldest {
                guard handshakes.count > countMax else { return }
                shared.counters.refused.add(1, ordering: .relaxed)
                close(slot)
            }
            handshakes.dropOldest()
        }
    }

    /// Goes on with what comes before the first message over TLS.
    mutating func shakeHands(_ slot: Int) {
        guard handshakes.takeStep() else { return }
        switch connections[slot].transport.shakeHands() {
        case .wantsReading: watch(slot, EventQueue.readable)
        case .wantsWriting: watch(slot, EventQueue.writable)
        case .done:
            handshakes.end()
            connections[slot].stage = .idle
            connections[slot].channel = connections[slot].transport.channel
            if connections[slot].transport.speaksHTTP2 { return beginHTTP2(slot) }
            connections[slot].deadline = now &+ shared.deadlines.idle
            awaitInput(slot)
        case .failed:
            shared.counters.malformed.add(1, ordering: .relaxed)
            handshakes.end()
            connections[slot].stage = .idle
            // The alert that says why must not be overtaken by a reset.
            connections[slot].lingers = true
            end(slot)
        }
    }
}
