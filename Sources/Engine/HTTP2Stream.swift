/// One request of an HTTP/2 connection, as it comes in, and the content of its answer as it goes out.
final class HTTP2Stream {
    enum Stage {
        case receiving
        /// Complete; the handler has it or will have it.
        case asked
        /// The answer is under way.
        case answering
    }

    fileprivate(set) var id: Int32 = 0
    var stage = Stage.receiving
    var message = HTTP2Message()
    var isHead = false
    /// Answered before it was complete.
    var isCutShort = false
    /// Of the connection's window, not yet given back.
    var unconsumed = 0
    /// When the request must be complete, or by when the peer must take some of the answer.
    var deadline: Int64 = 0
    /// When the content, or the answer, began.
    var began: Int64 = 0
    /// What of ``bufferedByteCount`` the session's sum includes.
    var weighedByteCount = 0

    var answer: [UInt8] = []
    var answerSent = 0

    var bufferedByteCount: Int { message.byteCount + answer.capacity }
}

/// Streams that are over, so that the next ones of a loop's connections need no new memory.
///
/// Few, and only small ones: what a large request or answer took is given back.
final class HTTP2StreamPool {
    private static let countMax = 128
    private static let byteCountMax = 4_096

    private var streams: [HTTP2Stream] = []

    func take(id: Int32, deadline: Int64) -> HTTP2Stream {
        let stream = streams.popLast() ?? HTTP2Stream()
        stream.id = id
        stream.deadline = deadline
        return stream
    }

    /// - Parameter stream: one that nobody else refers to any more.
    func give(_ stream: HTTP2Stream) {
        guard streams.count < Self.countMax, stream.bufferedByteCount <= Self.byteCountMax else { return }
        stream.stage = .receiving
        stream.message.clear()
        stream.isHead = false
        stream.isCutShort = false
        stream.unconsumed = 0
        stream.began = 0
        stream.weighedByteCount = 0
        stream.answer.removeAll(keepingCapacity: true)
        stream.answerSent = 0
        streams.append(stream)
    }
}
