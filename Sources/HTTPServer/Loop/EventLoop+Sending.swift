import Encoding
import Platform

// What happens after the messages that have arrived are answered.
extension EventLoop {
    /// Sends the output and sets what the connection waits for next.
    mutating func settle(_ slot: Int) {
        guard flush(slot), connections[slot].stage != .writing else { return }
        if connections[slot].isDeferred { return awaitAnswer(slot) }
        if connections[slot].stream != nil { return awaitPiece(slot) }
        if connections[slot].closes { return end(slot) }
        awaitInput(slot)
        let input = connections[slot].input.count
        if input == 0 || (input <= 2 && connections[slot].input[0] == .carriageReturn) {
            connections[slot].stage = .idle
            connections[slot].deadline = now &+ shared.deadlines.idle
        } else if connections[slot].reader.isInContent {
            if connections[slot].stage != .content { connections[slot].began = now }
            connections[slot].stage = .content
            setContentDeadline(slot)
        } else {
            if connections[slot].stage != .head { connections[slot].deadline = now &+ shared.deadlines.head }
            connections[slot].stage = .head
        }
    }

    private mutating func awaitAnswer(_ slot: Int) {
        connections[slot].stage = .deferred
        connections[slot].deadline = .max
        if connections[slot].wait != nil { return awaitInput(slot) }
        // The watched events stay unchanged, because most responses are ready before anything else happens.
        if connections[slot].interest == EventQueue.writable { watch(slot, 0) }
    }

    /// Sends the output, or keeps it for the end of the turn if log lines belong to it.
    ///
    /// - Returns: false if some of it has to wait, or if the connection is closed.
    mutating func flush(_ slot: Int) -> Bool {
        guard !output.isEmpty else { return true }
        if owesLines {
            keepOutput(slot, from: 0)
            postpone(slot)
            return false
        }
        var sent = 0
        switch connections[slot].transport.send(output, from: 0) {
        case .moved(let count): sent = count
        case .wouldBlock: break
        case .ended, .failed:
            close(slot)
            return false
        }
        guard sent < output.count else {
            output.removeAll(keepingCapacity: true)
            return true
        }
        keepOutput(slot, from: sent)
        watch(slot, EventQueue.writable)
        return false
    }

    private mutating func keepOutput(_ slot: Int, from start: Int) {
        // A copy of its own: an array of the whole slice would share the large buffer of the loop and count as that much.
        var kept = spareOutputs.popLast() ?? []
        kept.reserveCapacity(output.count &- start)
        kept.append(contentsOf: output[start...])
        connections[slot].output = kept
        connections[slot].outputStart = 0
        output.removeAll(keepingCapacity: true)
        connections[slot].deadline = now &+ shared.deadlines.write
        connections[slot].began = now
        connections[slot].stage = .writing
    }

    /// Empties the output of a connection, and keeps the memory of a short one for the next: every durable answer waits
    /// for the end of its turn.
    private mutating func releaseOutput(_ slot: Int) {
        var released: [UInt8] = []
        swap(&released, &connections[slot].output)
        connections[slot].outputStart = 0
        guard spareOutputs.count < Self.spareOutputCountMax, released.capacity <= Self.spareOutputByteCountMax else {
            return
        }
        released.removeAll(keepingCapacity: true)
        spareOutputs.append(released)
    }

    /// Sends pending output, and then continues with what waited for it.
    mutating func sendRest(_ slot: Int) {
        guard sendPending(slot) else { return }
        if connections[slot].isDeferred { return awaitAnswer(slot) }
        if let stream = connections[slot].stream { return sendPieces(slot, stream) }
        connections[slot].stage = .idle
        output.removeAll(keepingCapacity: true)
        serveInput(slot)
    }

    /// Sends pending output of a connection with either version of HTTP.
    ///
    /// - Returns: whether the transport took all of it. If not, the connection waits or is closed.
    mutating func sendPending(_ slot: Int) -> Bool {
        // An event can reach a connection that waits for the end of the turn.
        if turn.hasLines { turn.writeLines() }
        let start = connections[slot].outputStart
        switch connections[slot].transport.send(connections[slot].output, from: start) {
        case .moved(let count):
            connections[slot].outputStart = start &+ count
            connections[slot].deadline = shared.deadlines.answer(
                began: connections[slot].began, taken: start &+ count, now: now)
            if connections[slot].outputStart >= connections[slot].output.count {
                releaseOutput(slot)
                return true
            }
        case .wouldBlock: break
        case .ended, .failed:
            close(slot)
            return false
        }
        watch(slot, EventQueue.writable)
        return false
    }
}
