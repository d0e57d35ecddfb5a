import HTTP
import Synchronization

// The shutdown of a loop.
extension EventLoop {
    /// How long connection attempts that the kernel has begun may take to arrive, in milliseconds.
    private static let settlingTime: Int64 = 50

    mutating func advanceDrain() {
        switch drain {
        case .running, .done: break
        case .notice(let until):
            guard now >= until else { return }
            for listener in shared.listeners { listener.stopAdmitting() }
            drain = .settling(until: now &+ Self.settlingTime)
        case .settling(let until):
            guard now >= until else { return }
            leaveListeners()
            let newcomersUntil = now &+ min(1_000, shared.deadlines.drain)
            drain = .finishing(newcomersUntil: newcomersUntil, until: now &+ shared.deadlines.drain)
            finish(newcomersUntil, now &+ shared.deadlines.drain)
        case .finishing(let newcomersUntil, let until): finish(newcomersUntil, until)
        }
    }

    /// Accepts the queued connections, unless another process will, then releases the listeners. The last loop closes
    /// them.
    private mutating func leaveListeners() {
        for listener in shared.listeners {
            // If another process continues with the queue, the queue stays as it is and may never become empty here.
            let empties = !listener.endsWithoutUs
            while empties, acceptOne(listener) {}
            queue.remove(listener.descriptor)
            guard listener.leave() else { continue }
            while empties, acceptOne(listener) {}
            listener.shut()
        }
        // Also after descriptors ran out: the kernel can reuse the descriptor numbers of the listeners.
        acceptsAgainAt = nil
    }

    /// Announces the stop to streamed responses and waits, and closes idle connections; a connection that has not sent a request
    /// yet gets time to do so.
    private mutating func finish(_ newcomersUntil: Int64, _ until: Int64) {
        if now >= newcomersUntil {
            for slot in connections.indices {
                guard connections[slot].stage == .handshake || connections[slot].stage == .proxyHeader else {
                    continue
                }
                close(slot)
            }
        }
        for slot in connections.indices {
            connections[slot].stream?.announceStop()
            connections[slot].wait?.announceStop()
        }
        for slot in connections.indices where connections[slot].stage == .http2 {
            connections[slot].http2?.announceStop()
            leaveHTTP2(slot, isNewcomer: connections[slot].servedCount == 0 && now < newcomersUntil)
        }
        for slot in connections.indices where connections[slot].stage == .idle {
            guard connections[slot].servedCount > 0 || now >= newcomersUntil else { continue }
            // A request may have arrived since the last events.
            receive(slot)
            if connections[slot].stage == .idle { close(slot) }
        }
        if now >= until || mailbox.load.load(ordering: .relaxed) <= 0 { drain = .done }
    }
}
