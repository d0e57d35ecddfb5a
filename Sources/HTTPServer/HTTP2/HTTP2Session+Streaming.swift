import CNgHTTP2
import HTTP

// Responses that their handler sends in pieces.
extension HTTP2Session {
    /// How many bytes of a streamed response are taken before the other connections have their turn.
    private static let turnByteCountMax = 65_536

    /// Copies the next piece of a streamed response.
    func nextContent(
        of source: ResponseStream, _ stream: HTTP2Stream, into room: UnsafeMutableBufferPointer<UInt8>
    ) -> (count: Int, isLast: Bool) {
        guard stream.turnByteCount < Self.turnByteCountMax else {
            source.postpone()
            return (0, false)
        }
        var count = 0
        let isLast = source.take(atMost: room.count) { piece in
            count = piece.count
            unsafe piece.withUnsafeBytes { octets in
                unsafe UnsafeMutableRawBufferPointer(room).copyMemory(from: octets)
            }
        }
        weigh(stream)
        // A client opens its windows as it reads. Pieces that are short because its window is earn nothing, or it could
        // open the window byte by byte (CVE-2019-9511).
        if count > 0 { budget.earn(count < room.count ? 4 : Int64(count / 1_024)) }
        stream.turnByteCount += count
        stream.answerSent += count
        if count == 0, !isLast {
            // The client waits for the producer, so it cannot be late.
            stream.deadline = .max
        } else {
            stream.deadline = deadlines.answer(began: stream.began, taken: stream.answerSent, now: now)
        }
        return (count, isLast)
    }

    /// Continues a streamed response that has new pieces or its end.
    ///
    /// - Returns: false if its stream has ended.
    func resume(_ source: ResponseStream, now: Int64) -> Bool {
        guard let stream = streams.values.first(where: { $0.source == source }) else { return false }
        self.now = now
        stream.turnByteCount = 0
        if stream.deadline == .max {
            stream.began = now
            stream.answerSent = 0
            stream.deadline = now &+ deadlines.write
        }
        weigh(stream)
        // Fails if the stream waits for the client instead, and has no effect then.
        _ = unsafe nghttp2_session_resume_data(raw, stream.id)
        return true
    }

    /// Breaks a streamed response off.
    ///
    /// - Returns: false if its stream has ended.
    func abort(_ source: ResponseStream) -> Bool {
        guard let stream = streams.values.first(where: { $0.source == source }) else { return false }
        reset(stream.id, NGHTTP2_CANCEL)
        return true
    }

    /// Tells the producers of all streamed responses, and all that wait, that the server stops.
    func announceStop() {
        for stream in streams.values {
            stream.source?.announceStop()
            stream.wait?.announceStop()
        }
    }
}
