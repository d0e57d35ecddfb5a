import CNgHTTP2
import HTTP

// The libnghttp2 callbacks for the frames of a connection.
extension HTTP2Session {
    /// Charges a frame to the budget.
    func count(_ frame: HTTP2FrameScan.Head) {
        switch UInt32(frame.type) {
        // Refunded when a request begins: libnghttp2 decodes the fields of a closed stream without reporting them.
        case NGHTTP2_HEADERS.rawValue: spend(HTTP2Budget.headCost)
        case NGHTTP2_DATA.rawValue:
            let ends = frame.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if frame.byteCount == 0, !ends { spend(4) }
        case NGHTTP2_SETTINGS.rawValue: spend(4)
        case NGHTTP2_CONTINUATION.rawValue: spend(8)
        case NGHTTP2_RST_STREAM.rawValue: if !budget.spendReset() { isFlooded = true }
        default: spend(1)
        }
    }

    private func spend(_ cost: Int64) {
        if !budget.spendControl(cost) { isFlooded = true }
    }

    /// Charges a stream that the server resets before its response was sent like one that the client resets
    /// (CVE-2025-8671).
    func sentReset(_ code: UInt32) {
        if code != NGHTTP2_NO_ERROR.rawValue, !budget.spendReset() { isFlooded = true }
    }

    /// The rest of a request whose answer is out is of no use. A client that sends all of it before it reads would take a
    /// reset for the end of everything, although RFC 9113 §8.1 allows one, so for a while its content is thrown away.
    func sent(_ header: nghttp2_frame_hd) {
        guard cutShortCount > 0 else { return }
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        guard ends, let stream = streams[header.stream_id], stream.isCutShort else { return }
        stream.stage = .draining
        stream.began = now
        stream.deadline = now &+ deadlines.linger
        let count = stream.unconsumed
        stream.unconsumed = 0
        _ = unsafe nghttp2_session_consume(raw, stream.id, count)
    }

    /// Throws away content, bounded like that of a connection that closes.
    private func discard(_ stream: HTTP2Stream, _ count: Int) {
        stream.drainedByteCount += count
        guard stream.drainedByteCount <= EventLoop.lingerByteCountMax else {
            _ = unsafe nghttp2_session_consume_connection(raw, count)
            return endDrain(stream)
        }
        _ = unsafe nghttp2_session_consume(raw, stream.id, count)
        stream.deadline = min(
            now &+ deadlines.linger, deadlines.content(began: stream.began, received: stream.drainedByteCount))
    }

    func endDrain(_ stream: HTTP2Stream) {
        guard stream.deadline != .max else { return }
        stream.deadline = .max
        reset(stream.id, NGHTTP2_NO_ERROR)
    }

    func headBegins(_ id: Int32) {
        headBegan = headBegan ?? now
        guard streams[id] == nil else { return }
        budget.earn(HTTP2Budget.headCost)
        guard mayDefer, !isLeaving else { return reset(id, NGHTTP2_REFUSED_STREAM) }
        // An incomplete head uses memory too.
        if let current { current.messageByteCount = current.message.standing.byteCount }
        let stream = pool.take(id: id, deadline: now &+ deadlines.head)
        streams[id] = stream
        current = stream
    }

    /// Processes one field; fields of unknown streams and trailers are ignored.
    func field(_ id: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        guard let current, current.id == id else { return }
        unsafe current.message.take(name: name, value: value, limits)
    }

    func weigh(_ stream: HTTP2Stream) {
        let byteCount = stream.bufferedByteCount
        bufferedByteCount += byteCount - stream.weighedByteCount
        stream.weighedByteCount = byteCount
    }

    func frameEnds(_ header: nghttp2_frame_hd) {
        let type = UInt32(header.type)
        if type == NGHTTP2_SETTINGS.rawValue { hasSettings = true }
        if type == NGHTTP2_HEADERS.rawValue {
            headBegan = nil
            current = nil
        }
        guard type == NGHTTP2_HEADERS.rawValue || type == NGHTTP2_DATA.rawValue,
            let stream = streams[header.stream_id]
        else { return }
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let isHead = !stream.hasHead
        if isHead { finishHead(stream) }
        guard stream.stage == .receiving else { return }
        if ends {
            stream.stage = .asked
            giveBack(stream)
            ready.append(stream.id)
            return
        }
        let standing = stream.message.standing
        if isHead, standing.expectsContinue, !standing.isFaulty { stream.awaitsContinue = true }
        if standing.isFaulty || (isHead && stream.awaitsContinue) {
            ready.append(stream.id)
        } else if standing.asksForRoom, !stream.awaitsRoom {
            stream.awaitsRoom = true
            ready.append(stream.id)
        }
    }

    /// Decides about the content of a stream that exceeds the usual limit.
    func allow(_ stream: HTTP2Stream, contentByteCount: Int) {
        guard let allowed = stream.message.allow(contentByteCount: contentByteCount, limits) else { return }
        giveBack(stream)
        guard stream.stage == .receiving else { return }
        // One byte more, for the same reason as in the settings.
        _ = unsafe nghttp2_session_set_local_window_size(
            raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, Int32(clamping: allowed + 1))
    }

    private func finishHead(_ stream: HTTP2Stream) {
        stream.hasHead = true
        stream.messageByteCount = stream.message.finishHead(limits).byteCount
        weigh(stream)
        stream.began = now
        stream.deadline = deadlines.content(began: now, received: 0)
    }

    func content(_ id: Int32, _ octets: UnsafeBufferPointer<UInt8>) {
        guard let stream = streams[id] else {
            _ = unsafe nghttp2_session_consume_connection(raw, octets.count)
            return
        }
        guard stream.stage != .draining else { return discard(stream, octets.count) }
        if stream.message.isLarge {
            // The limit for the memory of all connections applies to large content instead of the connection's window,
            // in which two such requests could wait for each other.
            _ = unsafe nghttp2_session_consume_connection(raw, octets.count)
        } else {
            stream.unconsumed += octets.count
        }
        let standing = unsafe stream.message.takeContent(octets, limits)
        stream.messageByteCount = standing.byteCount
        weigh(stream)
        guard stream.stage == .receiving else { return }
        stream.deadline = deadlines.content(began: stream.began, received: standing.contentByteCount)
    }

    private func giveBack(_ stream: HTTP2Stream) {
        guard stream.unconsumed > 0 else { return }
        _ = unsafe nghttp2_session_consume_connection(raw, stream.unconsumed)
        stream.unconsumed = 0
    }

    func streamEnds(_ id: Int32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        bufferedByteCount -= stream.weighedByteCount
        if stream.isCutShort { cutShortCount -= 1 }
        giveBack(stream)
        if let wait = stream.wait {
            // The work ends with the stream, in contrast to that of other deferred responses.
            pending = pending.filter { $0.value != id }
            stream.wait = nil
            wait.close()
        } else if !pending.isEmpty {
            for (ticket, waiting) in pending where waiting == id { pending[ticket] = 0 }
        }
        if streams.isEmpty { idleSince = now }
        if current?.id == id { current = nil }
        if let source = stream.source {
            stream.source = nil
            source.close()
        }
        pool.give(stream)
    }
}
