import Foundation
import Foundation
import HTTP
@testable import HTTPServer
import OpenSSL
import Synchronization
import TestForm

/// The streams of one server and what their producers have learned.
final class Streams: Sendable {
    struct Log {
        var streams: [ResponseStream] = []
        var events: [ResponseStream.Event] = []
    }

    /// More than any buffer holds: ten MiB, or one in the quick form.
    static let longByteCount = TestForm.pick(quick: 1_048_576, normal: 10_485_760)

    private let log = Mutex(Log())
    /// Whether the producers end their streams when the server stops.
    let endsAtStop = Atomic<Bool>(false)

    var all: [ResponseStream] { log.withLock { $0.streams } }

    var events: [ResponseStream.Event] { log.withLock { $0.events } }

    func add(_ stream: ResponseStream) { log.withLock { $0.streams.append(stream) } }

    func note(_ event: ResponseStream.Event) {
        log.withLock { $0.events.append(event) }
        if event == .stopping, endsAtStop.load(ordering: .relaxed) { for stream in all { stream.end() } }
    }

    /// The events that end streams; one for each.
    var closings: [ResponseStream.Event] {
        events.filter { $0 != .writable && $0 != .stopping }
    }

    /// Sends one event to every client, as a source of server-sent events does.
    func publish(_ text: String) {
        for stream in all { _ = stream.send(Array("data: \(text)\n\n".utf8)) }
    }

    private static let everything: [UInt8] = {
        var pattern = (0..<251).map { UInt8($0) }
        while pattern.count < 10_485_760 { pattern += pattern }
        return pattern
    }()

    static func content(_ range: Range<Int>) -> [UInt8] { Array(everything[range]) }

    /// Whether these are the first bytes that a filler sends.
    static func isContent(_ bytes: [UInt8]?, _ count: Int) -> Bool {
        bytes?.count == count && bytes?.elementsEqual(everything[..<count]) == true
    }
}

/// Sends a given number of bytes in pieces of odd sizes, as fast as the stream accepts them.
private final class Filler: Sendable {
    private let sent = Mutex(0)
    private let total: Int

    init(total: Int) {
        self.total = total
    }

    /// Sends until the stream is full; the next call continues.
    func fill(_ stream: ResponseStream) {
        sent.withLock { sent in
            while sent < total {
                let end = min(total, sent + 1 + sent * 7 % 9_973)
                switch stream.send(Streams.content(sent..<end)) {
                case .queued: sent = end
                case .full:
                    sent = end
                    return
                case .refused, .closed: return
                }
            }
            stream.end()
        }
    }
}

/// `/events` is a stream that the test feeds, `/fill/1000` sends that much content from another thread, `/refill/1000`
/// sends it from the thread of the loop, `/ready` is complete before the handler returns, `/status/204` has that
/// status. Every other path has the plain content `plain`.
final class StreamHandler: Handler {
    private let streams: Streams

    init(_ streams: Streams) {
        self.streams = streams
    }

    func handle(_ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange) -> Disposition
    {
        let parts = request.text(request.path).split(separator: "/")
        let number = parts.last.flatMap { Int($0) } ?? 0
        let streams = streams
        switch parts.first {
        case "events", "status":
            if parts.first == "status" { response.status = UInt16(number) }
            response.addLines("Content-Type: text/event-stream\r\n")
            let stream = exchange.stream { streams.note($0) }
            streams.add(stream)
            return .streaming(stream)
        case "fill", "refill":
            let filler = Filler(total: number)
            let isElsewhere = parts.first == "fill"
            let fill: @Sendable (ResponseStream) -> Void = { stream in
                if isElsewhere { Thread.detachNewThread { filler.fill(stream) } } else { filler.fill(stream) }
            }
            let place = Place()
            let stream = exchange.stream { event in
                streams.note(event)
                if event == .writable, let stream = place.stream { fill(stream) }
            }
            place.set(stream)
            streams.add(stream)
            fill(stream)
            return .streaming(stream)
        case "ready":
            let stream = exchange.stream { streams.note($0) }
            _ = stream.send(Array("all ".utf8))
            _ = stream.send(Array("at once".utf8))
            stream.end()
            return .streaming(stream)
        default:
            response.body = Array("plain".utf8)
            return .answered
        }
    }

    func admits(_: borrowing Request, _: inout Response) -> Bool { true }

    func refuse(_ fault: RequestError, from _: PeerAddress, over _: Channel, _ response: inout Response) {
        response.status = fault.status
    }

    /// The stream that a notification belongs to, which is made after it.
    private final class Place: Sendable {
        private let content = Mutex<ResponseStream?>(nil)

        var stream: ResponseStream? { content.withLock { $0 } }

        func set(_ stream: ResponseStream) { content.withLock { $0 = stream } }
    }
}

extension TestServer {
    /// A server that streams.
    convenience init(
        streams: Streams, threads: Int = 1, limits: Limits? = nil, identity: TLSIdentity? = nil
    ) throws {
        let listener = Listener(
            address: .tcp(host: "127.0.0.1", port: 0), role: .service, isSecure: identity != nil)
        try self.init(threads: threads, listeners: [listener], limits: limits, identity: identity) {
            StreamHandler(streams)
        }
    }
}
