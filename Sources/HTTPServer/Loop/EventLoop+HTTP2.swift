import HTTP
import Synchronization

// Connections that speak HTTP/2.
extension EventLoop {
    /// What a client that knows that we speak HTTP/2 sends first (RFC 9113 §3.4).
    private static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    enum Preface {
        case none
        /// All that is there is the beginning of one.
        case part
        case whole
    }

    /// Whether a connection's first octets, which end at `end`, are the preface. One comparison for all others.
    func preface(until end: Int) -> Preface {
        guard shared.limits.streamsMax > 0 else { return .none }
        for index in 0..<min(end, Self.preface.utf8CodeUnitCount) {
            let octet = unsafe Self.preface.utf8Start[index]
            guard request.bytes[index] == octet else { return .none }
        }
        return end >= Self.preface.utf8CodeUnitCount ? .whole : .part
    }

    /// From now on the connection speaks HTTP/2, beginning with the `byteCount` octets that are in the request's buffer.
    mutating func beginHTTP2(_ slot: Int, byteCount: Int = 0) {
        let session = HTTP2Session(shared.limits, shared.deadlines, streams, now: now)
        connections[slot].http2 = session
        connections[slot].channel.version = .http2
        connections[slot].stage = .http2
        connections[slot].input = []
        if drain != .running { session.sayNotice() }
        takeHTTP2(slot, session, byteCount)
    }

    /// Reads what has arrived, or sends on what had to wait; nothing is read while a peer does not take its answers.
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
            if stream.awaitsContinue {
                stream.awaitsContinue = false
                // What is complete or faulty by now is on the list once more.
                if stream.stage == .receiving, !stream.message.standing.isFaulty { admitContent(slot, session, stream) }
            } else {
                answerHTTP2(slot, session, stream)
            }
        }
        ready.removeAll(keepingCapacity: true)
        swap(&ready, &readyStreams)
        settleHTTP2(slot, session)
    }

    /// Sends 100 Continue if the content is wanted, otherwise the answer.
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
        // The other streams of the connection go on.
        response.closesConnection = false
        finishHTTP2(slot, session, stream)
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
        }
        let countMax = shared.limits.requestsPerConnectionMax
        if countMax > 0, connections[slot].servedCount >= countMax { session.leave() }
    }

    private mutating func finishHTTP2(_ slot: Int, _ session: HTTP2Session, _ stream: HTTP2Stream) {
        let demandsTLS = connections[slot].isSecure && shared.demandsTLS
        let context = ResponseWriter.Context(isHead: stream.isHead, demandsTLS: demandsTLS)
        session.answer(stream, response, context, date: writer.dateText, &head)
        if response.closesConnection { session.leave() }
    }

    /// Has `write` make the answer that was deferred, unless its stream has gone.
    mutating func resumeHTTP2(
        _ slot: Int, _ session: HTTP2Session, _ number: UInt32, _ write: (any Handler, inout Response) -> Void
    ) {
        guard let stream = session.settle(number) else { return }
        response.reset()
        write(handler, &response)
        finishHTTP2(slot, session, stream)
        if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
        account(slot)
    }

    /// Sends what there is to send and sets what the connection waits for next.
    mutating func settleHTTP2(_ slot: Int, _ session: HTTP2Session) {
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
        let start = connections[slot].outputStart
        switch connections[slot].transport.send(connections[slot].output, from: start) {
        case .moved(let count):
            connections[slot].outputStart = start &+ count
            connections[slot].deadline = shared.deadlines.answer(
                began: connections[slot].began, taken: start &+ count, now: now)
            guard connections[slot].outputStart >= connections[slot].output.count else { return }
            connections[slot].output = []
            connections[slot].outputStart = 0
            settleHTTP2(slot, session)
        case .wouldBlock: break
        case .ended, .failed: close(slot)
        }
    }

    mutating func expireHTTP2(_ slot: Int) {
        guard let session = connections[slot].http2, connections[slot].output.isEmpty,
            let late = session.expire(now: now)
        else {
            // What waits may be the end of answers whose streams are over.
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

    /// Tells every HTTP/2 peer that the connection will close.
    mutating func noticeHTTP2() {
        for slot in connections.indices where connections[slot].stage == .http2 {
            guard let session = connections[slot].http2 else { continue }
            session.sayNotice()
            if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
        }
    }

    /// Takes in what is on its way, then no more requests; what is idle then closes.
    mutating func leaveHTTP2(_ slot: Int, isNewcomer: Bool) {
        guard let session = connections[slot].http2 else { return close(slot) }
        if connections[slot].output.isEmpty { serveHTTP2(slot) }
        guard connections[slot].stage == .http2, !isNewcomer else { return }
        session.leave()
        if connections[slot].output.isEmpty { settleHTTP2(slot, session) }
    }
}
