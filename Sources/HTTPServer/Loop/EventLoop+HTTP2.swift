import HTTP
import Synchronization

// HTTP/2 connections.
extension EventLoop {
    /// The client connection preface (RFC 9113 §3.4).
    private static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    enum Preface {
        case none
        /// The bytes so far are the beginning of a preface.
        case part
        case whole
    }

    /// Returns whether the first bytes of a connection, which end at `end`, are the preface. Any other input costs one
    /// comparison.
    func preface(until end: Int) -> Preface {
        guard shared.limits.streamsMax > 0 else { return .none }
        for index in 0..<min(end, Self.preface.utf8CodeUnitCount) {
            let octet = unsafe Self.preface.utf8Start[index]
            guard request.bytes[index] == octet else { return .none }
        }
        return end >= Self.preface.utf8CodeUnitCount ? .whole : .part
    }

    /// Switches the connection to HTTP/2, beginning with the `byteCount` bytes in the buffer of the request.
    mutating func beginHTTP2(_ slot: Int, byteCount: Int = 0) {
        let session = HTTP2Session(shared.limits, shared.deadlines, streams, now: now)
        connections[slot].http2 = session
        connections[slot].channel.version = .http2
        connections[slot].stage = .http2
        connections[slot].input = []
        if drain != .running { session.sayNotice() }
        takeHTTP2(slot, session, byteCount)
    }

    /// Reads what has arrived, or sends pending output. Nothing is read while the client does not read its responses.
    mutating func serveHTTP2(_ slot: Int) {
        guard let session = connections[slot].http2 else { return close(slot) }
        if !connections[slot].output.isEmpty { return sendRestHTTP2(slot, session) }
        switch connections[slot].transport.receive(into: &request.bytes, from: 0) {
        case .moved(let count): takeHTTP2(slot, session, count)
        case .wouldBlock: break
        case .ended, .failed: close(slot)
        }
    }

    private mutating func takeHTTP2(_ slot: Int, _ session: HTTP2Session, _ byteCount: Int) {
        let moment = now
        unsafe request.bytes.withUnsafeBufferPointer { octets in
            unsafe session.receive(UnsafeBufferPointer(rebasing: octets[..<byteCount]), now: moment)
        }
        if session.isFlooded { shared.counters.flooded.add(1, ordering: .relaxed) }
        if session.isBroken { shared.counters.malformed.add(1, ordering: .relaxed) }
        var ready: [Int32] = []
        swap(&ready, &readyStreams)
        session.takeReady(into: &ready)
        for id in ready {
            guard let stream = session.streams[id], !stream.isAnswered else { continue }
            if stream.message.standing.asksForRoom { allowLarge(slot, session, stream) }
            if stream.awaitsContinue {
                stream.awaitsContinue = false
                // A stream that is complete or faulty by now is on the list again.
                if stream.stage == .receiving, !stream.message.standing.isFaulty { admitContent(slot, session, stream) }
            } else if stream.awaitsRoom {
                stream.awaitsRoom = false
                // As above; a request that was just rejected is not on the list again.
                if stream.stage == .receiving, stream.message.standing.isFaulty { answerHTTP2(slot, session, stream) }
            } else {
                answerHTTP2(slot, session, stream)
            }
        }
        ready.removeAll(keepingCapacity: true)
        swap(&ready, &readyStreams)
        settleHTTP2(slot, session)
    }

    /// Sends 100 Continue if the content is wanted, otherwise the final response.
    private mutating func admitContent(_ slot: Int, _ session: HTTP2Session, _ stream: HTTP2Stream) {
        response.reset()
        do throws(RequestError) {
            try stream.message.fill(&request)
        } catch {
            return answerHTTP2(slot, session, stream)
        }
        request.role = connections[slot].role
        request.peer = origin(slot)
        request.channel = connections[slot].channel
        stream.isHead = request.method == .head
        guard !handler.admits(request, &response) else { return session.sayContinue(stream) }
        // The other streams of the connection continue.
        response.closesConnection = false
        finishHTTP2(slot, session, stream)
    }

    /// Asks the handler whether the request of a stream may have more content.
    private mutating func allowLarge(_ slot: Int, _ session: HTTP2Session, _ stream: HTTP2Stream) {
        guard (try? stream.message.fill(&request)) != nil else { return session.allow(stream, contentByteCount: 0) }
        request.role = connections[slot].role
        request.peer = origin(slot)
        request.channel = connections[slot].channel
        session.allow(stream, contentByteCount: handler.contentByteCountMax(request))
    }

    private mutating func answerHTTP2(_ slot: Int, _ session: HTTP2Session, _ stream: HTTP2Stream) {
        response.reset()
        do throws(RequestError) {
            try stream.message.fill(&request)
        } catch {
            shared.counters.malformed.add(1, ordering: .relaxed)
            request.method = .other
            handler.refuse(error, from: connections[slot].peer, over: connections[slot].channel, &response)
            return finishHTTP2(slot, session, stream)
        }
        connections[slot].servedCount &+= 1
        connections[slot].ticket &+= 1
        request.role = connections[slot].role
        request.peer = origin(slot)
        request.isRelayed = connections[slot].isRelay
        request.isFirst = connections[slot].servedCount == 1
        request.channel = connections[slot].channel
        stream.isHead = request.method == .head
        let number = connections[slot].ticket
        let ticket = UInt64(number) << 32 | UInt64(truncatingIfNeeded: slot)
        switch handler.handle(request, &response, Exchange(loop: mailbox, ticket: ticket)) {
        case .answered: finishHTTP2(slot, session, stream)
        case .deferred:
            awaitedCount &+= 1
            session.noteDeferred(stream.id, ticket: number)
        case .waiting(let wait):
            session.noteDeferred(stream.id, ticket: number)
            stream.wait = wait
        case .streaming(let source): finishHTTP2(slot, session, stream, source)
        }
        if stream.message.isLarge {
            session.forgetMessage(of: stream)
            trimRequest()
        }
        let countMax = shared.limits.requestsPerConnectionMax
        if countMax > 0, connections[slot].servedCount >= countMax { session.leave() }
    }

    private mutating func finishHTTP2(
        _ slot: Int, _ session: HTTP2Session, _ stream: HTTP2Stream, _ source: ResponseStream? = nil
    ) {
        let demandsTLS = connections[slot].isSecure && shared.demandsTLS
        let context = ResponseWriter.Context(
            isHead: stream.isHead, demandsTLS: demandsTLS, isStreamed: source != nil)
        session.answer(stream, response, context, date: writer.dateText, &head, source)
        if response.closesConnection { session.leave() }
    }

    /// Lets `write` produce a deferred response, unless its stream has ended.
    mutating func resumeHTTP2(
        _ slot: Int, _ session: HTTP2Session, _ number: UInt32,
        _ write: (any Handler, inout Response) -> ResponseStream?
    ) {
        guard let stream = session.settle(number) else { return }
        response.reset()
        let source = write(handler, &response)
        finishHTTP2(slot, session, stream, source)
        if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
        account(slot)
    }

    /// Sends pending output and sets what the connection waits for next.
    mutating func settleHTTP2(_ slot: Int, _ session: HTTP2Session) {
        if owesLines { return postpone(slot) }
        repeat {
            output.removeAll(keepingCapacity: true)
            session.drain(into: &output, byteCountMax: Self.outputBatchMax)
            guard !output.isEmpty else { break }
            var sent = 0
            switch connections[slot].transport.send(output, from: 0) {
            case .moved(let count): sent = count
            case .wouldBlock: break
            case .ended, .failed: return close(slot)
            }
            guard sent < output.count else { continue }
            connections[slot].output = Array(output[sent...])
            connections[slot].outputStart = 0
            connections[slot].deadline = now &+ shared.deadlines.write
            connections[slot].began = now
            return watch(slot, EventQueue.writable)
        } while true
        guard !session.isOver else {
            connections[slot].lingers = true
            connections[slot].http2 = nil
            return end(slot)
        }
        awaitInput(slot)
        connections[slot].deadline = session.deadline
    }

    private mutating func sendRestHTTP2(_ slot: Int, _ session: HTTP2Session) {
        if sendPending(slot) { settleHTTP2(slot, session) }
    }

    mutating func expireHTTP2(_ slot: Int) {
        guard let session = connections[slot].http2, connections[slot].output.isEmpty,
            let late = session.expire(now: now)
        else {
            // The pending output can be the end of responses whose streams are closed.
            let isOwed = !connections[slot].output.isEmpty || connections[slot].http2?.isBusy ?? false
            if isOwed { shared.counters.timedOut.add(1, ordering: .relaxed) }
            return close(slot)
        }
        for stream in late {
            shared.counters.timedOut.add(1, ordering: .relaxed)
            response.reset()
            handler.refuse(.bodyTimeout, from: connections[slot].peer, over: connections[slot].channel, &response)
            finishHTTP2(slot, session, stream)
        }
        settleHTTP2(slot, session)
    }

    /// Announces to every HTTP/2 client that the connection will close.
    mutating func noticeHTTP2() {
        for slot in connections.indices where connections[slot].stage == .http2 {
            guard let session = connections[slot].http2 else { continue }
            session.sayNotice()
            if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
        }
    }

    /// Processes input that is already in transit, then accepts no more requests; an idle connection closes.
    mutating func leaveHTTP2(_ slot: Int, isNewcomer: Bool) {
        guard let session = connections[slot].http2 else { return close(slot) }
        if connections[slot].output.isEmpty { serveHTTP2(slot) }
        guard connections[slot].stage == .http2, !isNewcomer else { return }
        session.leave()
        if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
    }
}
