import CNgHTTP2
import HTTP

// The responses of the streams of a connection.
extension HTTP2Session {
    /// Whether another request may be passed to the handler. Work that outlives its stream still counts
    /// (CVE-2023-44487).
    var mayDefer: Bool { pending.count < limits.streamsMax }

    func noteDeferred(_ id: Int32, ticket: UInt32) {
        pending[ticket] = id
    }

    /// Removes a pending answer.
    ///
    /// - Returns: the stream that waits for this answer, or nil if the stream has ended.
    func settle(_ ticket: UInt32) -> HTTP2Stream? {
        let stream = pending.removeValue(forKey: ticket).flatMap { streams[$0] }
        stream?.wait = nil
        return stream
    }

    /// Submits the response of a stream.
    ///
    /// - Parameters:
    ///   - head: the instance of the loop, used to build the head of this response.
    ///   - source: the content of a streamed response.
    func answer(
        _ stream: HTTP2Stream, _ response: borrowing Response, _ context: ResponseWriter.Context, date: [UInt8],
        _ head: inout HTTP2Head, _ source: ResponseStream? = nil
    ) {
        guard !stream.isAnswered else { return }
        let isWhole = stream.stage == .asked
        stream.stage = .answering
        if !isWhole {
            stream.isCutShort = true
            cutShortCount += 1
        }
        stream.began = now
        stream.deadline = now &+ deadlines.write
        servedCount += 1
        budget.earn(HTTP2Budget.controlsPerAnswer)
        let status = response.status >= 200 && response.status <= 599 ? response.status : 500
        head.lay(response, status, context, date: date)
        let mayHaveContent = status != 204 && status != 304 && !context.isHead
        let hasContent = mayHaveContent && (source != nil || !response.body.isEmpty)
        if let source {
            if hasContent { stream.source = source } else { source.close(needsNoContent: true) }
        } else if hasContent {
            stream.setAnswer(response.body)
        }
        weigh(stream)
        let id = stream.id
        let result = unsafe head.withPairs { pairs in
            guard hasContent else {
                return unsafe nghttp2_submit_response(raw, id, pairs.baseAddress, pairs.count, nil)
            }
            var source = unsafe HTTP2Callbacks.contentSource
            return unsafe nghttp2_submit_response(raw, id, pairs.baseAddress, pairs.count, &source)
        }
        if result != 0 { reset(id, NGHTTP2_INTERNAL_ERROR) }
    }

    /// Releases the memory of a request that was passed to the handler.
    func forgetMessage(of stream: HTTP2Stream) {
        stream.message = HTTP2Message()
        stream.messageByteCount = stream.message.standing.byteCount
        weigh(stream)
    }

    func sayContinue(_ stream: HTTP2Stream) {
        _ = unsafe HTTP2Head.goOn.withPairs { pairs in
            unsafe nghttp2_submit_headers(
                raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, nil, pairs.baseAddress, pairs.count, nil)
        }
    }

    func reset(_ id: Int32, _ code: nghttp2_error_code) {
        _ = unsafe nghttp2_submit_rst_stream(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

    /// Copies the next piece of the content of a response.
    ///
    /// - Returns: how many bytes were copied, and whether they are the last; nil if the stream has no response. Without
    ///   bytes and without the end, the content continues later.
    func nextContent(_ id: Int32, into room: UnsafeMutableBufferPointer<UInt8>) -> (count: Int, isLast: Bool)? {
        guard let stream = streams[id] else { return nil }
        if let source = stream.source { return unsafe nextContent(of: source, stream, into: room) }
        let start = stream.answerSent
        let rest = stream.answer.count - start
        let count = min(room.count, rest)
        unsafe stream.answer.withUnsafeBytes { octets in
            let piece = unsafe UnsafeRawBufferPointer(rebasing: octets[start..<(start + count)])
            unsafe UnsafeMutableRawBufferPointer(room).copyMemory(from: piece)
        }
        stream.answerSent = start + count
        stream.deadline = deadlines.answer(began: stream.began, taken: start + count, now: now)
        return (count, count == rest)
    }
}
