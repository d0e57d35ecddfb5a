/// One request of an HTTP/2 connection, as it comes in, and the content of its answer as it goes out.
final class HTTP2Stream {
    enum Stage {
        case receiving
        /// Complete; the handler has it or will have it.
        case asked
        /// The answer is under way.
        case answering
        /// Answered; what still comes of the request is thrown away.
        case draining
    }

    fileprivate(set) var id: Int32 = 0
    var stage = Stage.receiving
    var message = HTTP2Message()
    /// Whether the request's header fields are complete; what follows in fields is trailers.
    var hasHead = false
    var isHead = false
    /// Its client waits for 100 Continue, and nothing is decided yet.
    var awaitsContinue = false
    /// Answered before it was complete.
    var isCutShort = false
    /// What of its content came after the answer.
    var drainedByteCount = 0
    /// Of the connection's window, not yet given back.
    var unconsumed = 0
    /// When the request must be complete, or by when the peer must take some of the answer.
    var deadline: Int64 = 0
    /// When the content, or the answer, began.
    var began: Int64 = 0
    /// What of ``bufferedByteCount`` the session's sum includes.
    var weighedByteCount = 0

    private(set) var answer: [UInt8] = []
    var answerSent = 0
    /// The memory of ``message`` and ``answer``.
    var messageByteCount = 0
    private(set) var answerByteCount = 0

    var isAnswered: Bool { stage == .answering || stage == .draining }

    var bufferedByteCount: Int { messageByteCount + answerByteCount }

    func setAnswer(_ content: [UInt8]) {
        answer.append(contentsOf: content)
        answerByteCount = max(answerByteCount, content.count)
    }

    /// Forgets request and answer, and keeps the memory.
    fileprivate func clear() {
        stage = .receiving
        message.clear()
        hasHead = false
        isHead = false
        awaitsContinue = false
        isCutShort = false
        drainedByteCount = 0
        unconsumed = 0
        began = 0
        weighedByteCount = 0
        answer.removeAll(keepingCapacity: true)
        answerSent = 0
    }
}

/// Streams that are over, so that the next ones of a loop's connections need no new memory.
///
/// Few, and only small ones: what a large request or answer took is given back.
final class HTTP2StreamPool {
    private static let countMax = 128
    private static let byteCountMax = 4_096

    private var streams: [HTTP2Stream] = []
    private var count = 0

    func take(id: Int32, deadline: Int64) -> HTTP2Stream {
        let stream: HTTP2Stream
        if count > 0 {
            count -= 1
            stream = streams.removeLast()
        } else {
            stream = HTTP2Stream()
        }
        stream.id = id
        stream.deadline = deadline
        return stream
    }

    /// - Parameter stream: one that nobody else refers to any more.
    func give(_ stream: HTTP2Stream) {
        guard count < Self.countMax, stream.bufferedByteCount <= Self.byteCountMax else { return }
        stream.clear()
        streams.append(stream)
        count += 1
    }
}
