import HTTP

// Requests whose content is longer than that of most requests may be.
//
// Such a message is collected in the buffer of its connection, which counts as memory of all connections, and is moved
// to the buffer of the loop once. Only a loop that has read one has a buffer of that size.
extension EventLoop {
    /// Asks the handler whether the request at `offset` may have more content, at most once for each message.
    mutating func allowsLarge(_ slot: Int, from offset: Int, to end: Int) -> Bool {
        guard connections[slot].reader.canBeLarge,
            (try? connections[slot].reader.restoreHead(&request, from: offset, to: end)) != nil
        else { return false }
        request.role = connections[slot].role
        request.peer = origin(slot)
        request.channel = connections[slot].channel
        return connections[slot].reader.allow(contentByteCount: handler.contentByteCountMax(request))
    }

    /// Reads the next part of the message, and answers the message if it is complete.
    mutating func receiveLarge(_ slot: Int) {
        switch connections[slot].transport.receive(into: &request.bytes, from: 0) {
        case .moved(let count):
            let end = connections[slot].input.count &+ count
            if end > connections[slot].input.capacity {
                // The buffer grows with what has arrived, and never to much more than the message needs. How much that
                // is in chunks is not known.
                let wanted = connections[slot].reader.head.isChunked ? .max : connections[slot].reader.byteCountWanted
                connections[slot].input.reserveCapacity(min(2 &* end, max(end, wanted)))
            }
            connections[slot].input.append(contentsOf: request.bytes[..<count])
            if needsMore(slot) { return }
            output.removeAll(keepingCapacity: true)
            restoreInput(slot)
            serve(slot, from: 0, to: end)
            trimRequest()
        case .wouldBlock: break
        case .ended, .failed: close(slot)
        }
    }

    /// Gives the buffer of the request its usual size again, so that no read takes more than usual. Its memory is kept.
    mutating func trimRequest() {
        let excess = request.bytes.count &- requestByteCount
        if excess > 0 { request.bytes.removeLast(excess) }
    }
}
