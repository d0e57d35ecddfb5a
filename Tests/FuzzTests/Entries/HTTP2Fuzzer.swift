import HTTP
@testable import HTTPServer

/// An HTTP/2 connection behind its preface: whatever frames come, streams, answers and memory stay bounded, and nothing is
/// handed on that HTTP/1.1 would not have let through.
///
/// The first octet says how long the pieces are that the frames arrive in.
enum HTTP2Fuzzer {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

    static func make() -> ([UInt8]) -> Void {
        var limits = Limits()
        limits.headByteCountMax = 2_048
        limits.bodyByteCountMax = 4_096
        limits.largeBodyByteCountMax = 8_192
        limits.streamsMax = 8
        let bounds = limits
        let deadlines = Deadlines(limits)
        var request = Request(byteCount: 16_384)
        var output: [UInt8] = []
        return { bytes in
            guard let first = bytes.first else { return }
            let octets = preface + settings + bytes.dropFirst()
            let step = Int(first) * 4 + 1
            // The loop's own, but new for each input: what an earlier one left must not decide what a later one finds.
            let session = HTTP2Session(bounds, deadlines, HTTP2StreamPool(), now: 0)
            var head = HTTP2Head()
            var (now, start, ticket): (Int64, Int, UInt32) = (0, 0, 0)
            while start < octets.count, !session.isOver {
                let end = min(octets.count, start + step)
                unsafe octets.withUnsafeBufferPointer {
                    unsafe session.receive(UnsafeBufferPointer(rebasing: $0[start..<end]), now: now)
                }
                start = end
                now += 50
                ticket = serve(session, &request, ticket, bounds, &head)
                output.removeAll(keepingCapacity: true)
                session.drain(into: &output, byteCountMax: 65_536)
                demand(output.count < 131_072, "what is sent is bounded")
                demand(session.streams.values.count <= bounds.streamsMax, "streams are bounded")
            }
            for number in 0...ticket {
                guard let stream = session.settle(number) else { continue }
                answer(session, stream, &head)
            }
            for stream in session.expire(now: now + 3_600_000) ?? [] { answer(session, stream, &head) }
            session.leave()
            output.removeAll(keepingCapacity: true)
            session.drain(into: &output, byteCountMax: 65_536)
        }
    }

    /// Answers every second request at once and keeps the others for later.
    private static func serve(
        _ session: HTTP2Session, _ request: inout Request, _ ticket: UInt32, _ limits: Limits,
        _ head: inout HTTP2Head
    ) -> UInt32 {
        var ticket = ticket
        var ready: [Int32] = []
        session.takeReady(into: &ready)
        for id in ready {
            guard let stream = session.streams[id] else { continue }
            if stream.message.standing.asksForRoom {
                session.allow(stream, contentByteCount: id % 4 == 1 ? .max : 0)
            }
            if stream.awaitsRoom {
                stream.awaitsRoom = false
                if stream.stage != .receiving || !stream.message.standing.isFaulty { continue }
            }
            do throws(RequestError) {
                try stream.message.fill(&request)
                check(request, stream.message.isLarge ? limits.largeBodyByteCountMax : limits.bodyByteCountMax, limits)
                ticket += 1
                if ticket % 2 == 0 {
                    session.noteDeferred(id, ticket: ticket)
                } else {
                    answer(session, stream, &head)
                }
            } catch {
                answer(session, stream, &head)
            }
        }
        return ticket
    }

    private static func check(_ request: borrowing Request, _ bodyByteCountMax: Int, _ limits: Limits) {
        demand(request.fieldCount("host") == 1, "one host")
        demand(!request.path.isEmpty && request.path.upperBound <= request.bytes.count, "a path")
        demand(request.body.count <= bodyByteCountMax, "bounded content")
        demand(request.fields.count <= limits.fieldCountMax + 2, "bounded fields")
        for field in request.fields {
            for octet in request.bytes[field.name] {
                demand(ByteClass.token(octet) == octet, "a name is a lower token")
            }
            for octet in request.bytes[field.value] {
                demand(octet == 9 || (octet >= 0x20 && octet != 0x7f), "a value is one line of text")
            }
        }
    }

    private static func answer(_ session: HTTP2Session, _ stream: HTTP2Stream, _ head: inout HTTP2Head) {
        var response = Response()
        response.addLines("Content-Type: text/plain\r\n")
        response.body = Array("an answer".utf8)
        session.answer(
            stream, response, ResponseWriter.Context(), date: Array("Thu, 01 Jan 1970 00:00:00 GMT".utf8), &head)
    }
}
