import Encoding
import HTTP
import Synchronization

extension EventLoop {
    /// Reads what has arrived and answers complete messages: two system calls if that is one request.
    mutating func receive(_ slot: Int) {
        let start = connections[slot].input.count
        if start > 0, connections[slot].reader.isLarge { return receiveLarge(slot) }
        switch connections[slot].transport.receive(into: &request.bytes, from: start) {
        case .moved(let count):
            let end = start &+ count
            if start > 0 {
                connections[slot].input.append(contentsOf: request.bytes[start..<end])
                if needsMore(slot) { return }
                restoreInput(slot)
            }
            if connections[slot].servedCount == 0, request.bytes[0] == UInt8(ascii: "P") {
                switch preface(until: end) {
                case .none: break
                case .whole: return beginHTTP2(slot, byteCount: end)
                case .part: return awaitPreface(slot, from: start, to: end)
                }
            }
            output.removeAll(keepingCapacity: true)
            serve(slot, from: 0, to: end)
        case .wouldBlock: break
        case .ended, .failed: close(slot)
        }
    }

    /// Continues with the incomplete message where it is, without moving the bytes that were parsed before.
    ///
    /// - Returns: whether the message needs more input.
    mutating func needsMore(_ slot: Int) -> Bool {
        guard connections[slot].needsMore() else { return false }
        noteHeld(slot)
        if connections[slot].reader.isInContent { setContentDeadline(slot) }
        return true
    }

    private mutating func awaitPreface(_ slot: Int, from start: Int, to end: Int) {
        // A part that is not the first is in the input already.
        if start == 0 { connections[slot].input.append(contentsOf: request.bytes[start..<end]) }
        noteHeld(slot)
        guard connections[slot].stage != .head else { return }
        connections[slot].stage = .head
        connections[slot].deadline = now &+ shared.deadlines.head
    }

    /// Extends the deadline by the time that the bytes received so far are worth at the minimum rate.
    mutating func setContentDeadline(_ slot: Int) {
        let received = connections[slot].input.count &- connections[slot].reader.headByteCount
        connections[slot].deadline = shared.deadlines.content(began: connections[slot].began, received: received)
    }

    /// Moves the retained bytes to the buffer that messages are parsed from.
    mutating func restoreInput(_ slot: Int) {
        let count = connections[slot].input.count
        shared.counters.moved.add(UInt64(count), ordering: .relaxed)
        request.makeRoom(byteCount: count)
        request.bytes.replaceSubrange(0..<count, with: connections[slot].input)
    }

    /// Answers the messages between `offset` and `end` in order, and appends the responses to ``output``.
    mutating func serve(_ slot: Int, from offset: Int, to end: Int) {
        var offset = offset
        var goesOn = true
        while goesOn, offset < end {
            switch connections[slot].reader.read(&request, from: offset, to: end) {
            case .complete(let consumed):
                offset &+= consumed
                goesOn = answer(slot)
                if goesOn, output.count >= Self.outputBatchMax { goesOn = flush(slot) }
            case .needsMore:
                let reader = connections[slot].reader
                if reader.isInContent, reader.head.expectsContinue, !connections[slot].saidContinue {
                    connections[slot].saidContinue = true
                    if admitsContent(slot, from: offset, to: end) { output.append(ResponseWriter.continueLine) }
                }
                goesOn = false
            case .fault(let fault):
                if fault == .bodyTooLarge, allowsLarge(slot, from: offset, to: end) { continue }
                shared.counters.malformed.add(1, ordering: .relaxed)
                refuse(slot, fault)
                goesOn = false
            }
        }
        guard connections[slot].stage != .closed else { return }
        keep(slot, from: offset, to: end)
        settle(slot)
    }

    /// Returns whether the content that a client announced with `Expect: 100-continue` is wanted. If not, the response
    /// is in the output and the connection closes, because the client may or may not send the content.
    private mutating func admitsContent(_ slot: Int, from offset: Int, to end: Int) -> Bool {
        do throws(RequestError) {
            try connections[slot].reader.restoreHead(&request, from: offset, to: end)
        } catch {
            refuse(slot, error)
            return false
        }
        request.role = connections[slot].role
        request.peer = origin(slot)
        request.channel = connections[slot].channel
        response.reset()
        guard !handler.admits(request, &response) else { return true }
        close(slot, afterResponseTo: request.method)
        return false
    }

    /// Answers the request.
    ///
    /// - Returns: whether the next message may be parsed.
    private mutating func answer(_ slot: Int) -> Bool {
        let head = connections[slot].reader.head
        connections[slot].reader.reset()
        connections[slot].saidContinue = false
        connections[slot].stage = .idle
        connections[slot].servedCount &+= 1
        connections[slot].ticket &+= 1
        let countMax = shared.limits.requestsPerConnectionMax
        let isLast = drain != .running || (countMax > 0 && connections[slot].servedCount >= countMax)
        var context = ResponseWriter.Context()
        context.isHead = request.method == .head
        context.isVersion10 = head.isVersion10
        context.closes = head.closes || isLast
        context.demandsTLS = connections[slot].isSecure && shared.demandsTLS
        connections[slot].lingers = isLast && !head.closes
        request.role = connections[slot].role
        request.peer = origin(slot)
        request.isRelayed = connections[slot].isRelay
        request.isFirst = connections[slot].servedCount == 1
        request.channel = connections[slot].channel
        if head.isVersion10 { request.channel.version = .http10 }
        response.reset()
        let ticket = UInt64(connections[slot].ticket) << 32 | UInt64(truncatingIfNeeded: slot)
        switch handler.handle(request, &response, Exchange(loop: mailbox, ticket: ticket)) {
        case .answered:
            finishAnswer(slot, context)
            return !connections[slot].closes
        case .deferred:
            awaitedCount &+= 1
            connections[slot].context = context
            connections[slot].isDeferred = true
            return false
        case .waiting(let wait):
            connections[slot].context = context
            connections[slot].isDeferred = true
            connections[slot].wait = wait
            return false
        case .streaming(let stream):
            begin(stream, slot, context)
            return connections[slot].stream == nil && !connections[slot].closes
        }
    }

    /// Returns the address that the request comes from.
    func origin(_ slot: Int) -> PeerAddress {
        let peer = connections[slot].peer
        return connections[slot].isRelay ? shared.trust.client(of: request, through: peer) : peer
    }

    /// Appends the response to the output.
    private mutating func finishAnswer(_ slot: Int, _ context: ResponseWriter.Context) {
        var context = context
        if response.closesConnection, !context.closes {
            context.closes = true
            connections[slot].lingers = true
        }
        connections[slot].closes = context.closes
        writer.append(response, context, to: &output)
    }

    /// Appends the error response to a message that is not read further.
    mutating func refuse(_ slot: Int, _ fault: RequestError) {
        response.reset()
        handler.refuse(fault, from: connections[slot].peer, over: connections[slot].channel, &response)
        close(slot, afterResponseTo: .other)
    }

    /// Appends the response as the last one of its connection; its message is not read further.
    private mutating func close(_ slot: Int, afterResponseTo method: Method) {
        connections[slot].stage = .idle
        connections[slot].closes = true
        connections[slot].lingers = true
        let demandsTLS = connections[slot].isSecure && shared.demandsTLS
        let context = ResponseWriter.Context(isHead: method == .head, closes: true, demandsTLS: demandsTLS)
        writer.append(response, context, to: &output)
    }

    /// Sends the error response to an incomplete message.
    mutating func refuseNow(_ slot: Int, _ fault: RequestError) {
        output.removeAll(keepingCapacity: true)
        refuse(slot, fault)
        connections[slot].input = []
        settle(slot)
    }

    /// Lets `write` produce the deferred response, then continues with the input after the request.
    mutating func resume(_ ticket: UInt64, _ write: (any Handler, inout Response) -> ResponseStream?) {
        let slot = Int(ticket & 0xffff_ffff)
        guard slot < connections.count else { return }
        if let session = connections[slot].http2 {
            return resumeHTTP2(slot, session, UInt32(truncatingIfNeeded: ticket >> 32), write)
        }
        guard connections[slot].isDeferred,
            connections[slot].ticket == UInt32(truncatingIfNeeded: ticket >> 32)
        else { return }
        connections[slot].isDeferred = false
        connections[slot].wait = nil
        connections[slot].ticket &+= 1
        var context = connections[slot].context
        if drain != .running, !context.closes {
            context.closes = true
            connections[slot].lingers = true
        }
        response.reset()
        let stream = write(handler, &response)
        output.removeAll(keepingCapacity: true)
        if let stream { begin(stream, slot, context) } else { finishAnswer(slot, context) }
        if connections[slot].stage == .writing {
            // Earlier responses are still pending; this one follows them.
            connections[slot].output.append(contentsOf: output)
            return account(slot)
        }
        connections[slot].stage = .idle
        if connections[slot].stream == nil { serveInput(slot) } else { settle(slot) }
        account(slot)
    }

    /// Continues with the retained messages.
    mutating func serveInput(_ slot: Int) {
        let end = connections[slot].closes ? 0 : connections[slot].input.count
        if end > 0 { restoreInput(slot) }
        serve(slot, from: 0, to: end)
    }

    /// Retains the unparsed bytes for later.
    private mutating func keep(_ slot: Int, from offset: Int, to end: Int) {
        let keptCount = connections[slot].input.count
        if connections[slot].closes {
            if offset < end || connections[slot].input.count > end { connections[slot].lingers = true }
            if keptCount > 0 { connections[slot].input = [] }
        } else if offset >= end {
            if keptCount > 0 { connections[slot].input = [] }
        } else if offset == 0, keptCount <= end {
            // The message is the same but longer: its start is retained already.
            connections[slot].input.append(contentsOf: request.bytes[keptCount..<end])
        } else {
            connections[slot].input = Array(request.bytes[offset..<end])
        }
    }
}
