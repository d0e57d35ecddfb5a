import HTTP

/// One request of an HTTP/2 connection and the content of its response.
final class HTTP2Stream {
    enum Stage {
        case receiving
        /// The request is complete; the handler has received it or will receive it.
        case asked
        /// The response is being sent.
        case answering
        /// Answered; what still comes of the request is thrown away.
        case draining
    }

    fileprivate(set) var id: Int32 = 0
    var stage = Stage.receiving
    var message = HTTP2Message()
    /// Whether the header fields are complete; later fields are trailers.
    var hasHead = false
    var isHead = false
    /// Whether the client waits for 100 Continue and no decision has been made.
    var awaitsContinue = false
    /// Whether the stream is on the list of ready streams because its content exceeds the usual limit.
    var awaitsRoom = false
    /// Whether the request was answered before it was complete.
    var isCutShort = false
    /// What of its content came after the answer.
    var drainedByteCount = 0
    /// Bytes of the connection's window that are not yet returned.
    var unconsumed = 0
    /// When the request must be complete, or when the client must have read some of the response.
    var deadline: Int64 = 0
    /// When the content or the response began.
    var began: Int64 = 0
    /// The part of ``bufferedByteCount`` that the total of the session includes.
    var weighedByteCount = 0

    private(set) var answer: [UInt8] = []
    var answerSent = 0
    /// The content of a streamed response, instead of ``answer``.
    var source: ResponseStream?
    /// What the response waits for, if that may take long.
    var wait: ResponseWait?
    /// How much of ``source`` was taken since the other connections had their turn.
    var turnByteCount = 0
    /// The number of bytes of memory that ``message`` and ``answer`` use.
    var messageByteCount = 0
    private(set) var answerByteCount = 0

    var isAnswered: Bool { stage == .answering || stage == .draining }

    var bufferedByteCount: Int { messageByteCount + answerByteCount + (source?.byteCount ?? 0) }

    func setAnswer(_ content: [UInt8]) {
        answer.append(contentsOf: content)
        answerByteCount = max(answerByteCount, content.count)
    }

    /// Clears request and response, and keeps the memory.
    fileprivate func clear() {
        stage = .receiving
        message.clear()
        hasHead = false
        isHead = false
        awaitsContinue = false
        awaitsRoom = false
        isCutShort = false
        drainedByteCount = 0
        unconsumed = 0
        began = 0
        weighedByteCount = 0
        answer.removeAll(keepingCapacity: true)
        answerSent = 0
        source = nil
        wait = nil
        turnByteCount = 0
    }
}

/// A pool of ended streams, so that the next streams of the connections of a loop need no new memory.
///
/// The pool is small and keeps only small streams; the memory of large requests and responses is released.
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

    /// Returns a stream to the pool.
    ///
    /// - Parameter stream: a stream without any other reference.
    func give(_ stream: HTTP2Stream) {
        guard count < Self.countMax, stream.bufferedByteCount <= Self.byteCountMax else { return }
        stream.clear()
        streams.append(stream)
        count += 1
    }
}
