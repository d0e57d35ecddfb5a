import HTTP
import OpenSSL
import Synchronization

// The steps before the first message of a connection: the PROXY protocol header and the TLS handshake.
extension EventLoop {
    /// Waits for the PROXY protocol header; only a trusted proxy may send one.
    mutating func awaitIntroduction(_ slot: Int) {
        guard shared.trust.covers(connections[slot].peer) else {
            shared.counters.refused.add(1, ordering: .relaxed)
            return close(slot)
        }
        connections[slot].stage = .proxyHeader
        connections[slot].deadline = now &+ shared.deadlines.head
    }

    /// Reads exactly the header from the socket: what follows can be TLS, which reads from the socket itself.
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
            // All of it belongs to the header. If it stayed in the socket, the same event would repeat.
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

    /// Continues the TLS handshake.
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
            // Without lingering, a reset could overtake the alert that gives the reason.
            connections[slot].lingers = true
            end(slot)
        }
    }
}
