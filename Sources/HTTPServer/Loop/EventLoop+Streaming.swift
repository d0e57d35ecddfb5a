import Encoding
import HTTP

// Responses that their handler sends in pieces.
extension EventLoop {
    /// Appends the head of a streamed response and the pieces that are there already.
    mutating func begin(_ stream: ResponseStream, _ slot: Int, _ context: ResponseWriter.Context) {
        let hasContent = !context.isHead && response.status != 204 && response.status != 304
        var context = context
        context.isStreamed = true
        if response.closesConnection, !context.closes {
            context.closes = true
            connections[slot].lingers = true
        }
        context.hasLength = response.contentByteCount != nil
        if context.isVersion10, hasContent, !context.hasLength { context.closes = true }
        connections[slot].closes = context.closes
        writer.append(response, context, to: &output)
        guard hasContent else { return stream.close(needsNoContent: true) }
        connections[slot].context = context
        connections[slot].stream = stream
        appendPieces(slot, stream)
    }

    /// Sends what a stream has, unless its request is over.
    mutating func serve(_ stream: ResponseStream) {
        let slot = Int(stream.ticket & 0xffff_ffff)
        guard slot < connections.count else { return }
        if let session = connections[slot].http2 { return serve(stream, slot, session) }
        guard connections[slot].stream == stream else { return }
        if stream.isAborted { return close(slot) }
        // If output is pending, the pieces follow it.
        if connections[slot].stage == .streaming { sendPieces(slot, stream) }
        account(slot)
    }

    /// Sends one batch of pieces; more have to wait for the other connections. At the end of the content, continues
    /// with the requests behind this one.
    mutating func sendPieces(_ slot: Int, _ stream: ResponseStream) {
        connections[slot].stage = .streaming
        output.removeAll(keepingCapacity: true)
        appendPieces(slot, stream)
        guard connections[slot].stream != nil else {
            connections[slot].stage = .idle
            return serveInput(slot)
        }
        settle(slot)
    }

    private mutating func appendPieces(_ slot: Int, _ stream: ResponseStream) {
        let context = connections[slot].context
        let isChunked = !context.isVersion10 && !context.hasLength
        let isLast = stream.take(atMost: Self.outputBatchMax) { piece in
            if isChunked { ResponseWriter.append(chunk: piece, to: &output) } else { output.append(piece) }
        }
        guard isLast else { return }
        if isChunked { output.append(ResponseWriter.lastChunk) }
        // The head could not announce this close.
        if drain != .running, !connections[slot].closes {
            connections[slot].closes = true
            connections[slot].lingers = true
        }
        closeStream(slot)
    }

    /// Waits for the next piece. If there is one already, it is sent after the other connections had their turn.
    mutating func awaitPiece(_ slot: Int) {
        connections[slot].stage = .streaming
        connections[slot].deadline = .max
        awaitInput(slot)
        if let stream = connections[slot].stream, stream.hasMore { stream.postpone() }
    }

    /// Notices that the client has left, and keeps the requests that it sends behind the current one.
    mutating func receiveWhileAnswering(_ slot: Int) {
        let start = connections[slot].input.count
        guard start < shared.limits.headByteCountMax else { return watch(slot, 0) }
        switch connections[slot].transport.receive(into: &request.bytes, from: start) {
        case .moved(let count):
            if connections[slot].closes {
                connections[slot].lingers = true
            } else {
                connections[slot].input.append(contentsOf: request.bytes[start..<(start &+ count)])
            }
            noteHeld(slot)
        case .wouldBlock: break
        // A client that ends its side has left: most streams and waits would otherwise never notice.
        case .ended, .failed: close(slot)
        }
    }

    /// Forgets the stream of a connection and tells its producer.
    mutating func closeStream(_ slot: Int) {
        let stream = connections[slot].stream
        connections[slot].stream = nil
        stream?.close()
    }

    private mutating func serve(_ stream: ResponseStream, _ slot: Int, _ session: HTTP2Session) {
        guard stream.isAborted ? session.abort(stream) : session.resume(stream, now: now) else { return }
        if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
        account(slot)
    }
}
