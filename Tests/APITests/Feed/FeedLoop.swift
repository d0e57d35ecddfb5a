import API
import Foundation
import HTTP
import Synchronization

/// An event loop for the readers of the feed, whose turns the test makes. The thread of the publisher posts to it.
final class FeedLoop: ExchangeLoop {
    typealias Write = @Sendable (any Handler, inout Response) -> Void

    private enum Item: Sendable {
        case work(@Sendable (any Handler) -> Void)
        case answer(UInt64, Write)
    }

    private let items = Mutex<[Item]>([])
    private let streams = Mutex<[UInt64: ResponseStream]>([:])
    private let answers = Mutex<[UInt64: Answer]>([:])

    func resume(_ ticket: UInt64, _ write: @escaping Write) { items.withLock { $0.append(.answer(ticket, write)) } }

    func perform(_ body: @escaping @Sendable (any Handler) -> Void) { items.withLock { $0.append(.work(body)) } }

    func serve(_: ResponseStream) {}

    func answer(_ wait: ResponseWait, _ write: @escaping ResponseWait.Write) {
        let ticket = wait.ticket
        resume(ticket) { handler, response in
            guard let stream = write(handler, &response) else { return }
            self.streams.withLock { $0[ticket] = stream }
        }
    }

    /// The content of an answer that waited.
    func stream(_ ticket: UInt64) -> ResponseStream? { streams.withLock { $0[ticket] } }

    /// Does what was posted.
    func turn(_ handler: any Handler) {
        let taken = items.withLock { items in
            defer { items = [] }
            return items
        }
        for item in taken {
            switch item {
            case .work(let body): body(handler)
            case .answer(let ticket, let write):
                var response = Response()
                write(handler, &response)
                let answer = Answer(response)
                answers.withLock { $0[ticket] = answer }
            }
        }
    }

    func answer(_ ticket: UInt64) -> Answer? { answers.withLock { $0[ticket] } }
}

/// A reader of the feed.
final class FeedClient {
    let ticket: UInt64
    private let world: World
    private let loop: FeedLoop
    let response: Response
    let wait: ResponseWait?
    let stream: ResponseStream?
    private var received: [UInt8] = []
    private(set) var isComplete = false

    init(_ world: World, _ ask: Ask, on loop: FeedLoop, ticket: UInt64) {
        (self.world, self.loop, self.ticket) = (world, loop, ticket)
        var response = Response()
        let request = ask.laidOut()
        switch world.application.handle(request, &response, Exchange(loop: loop, ticket: ticket)) {
        case .waiting(let wait): (self.wait, stream) = (wait, nil)
        case .streaming(let stream): (wait, self.stream) = (nil, stream)
        case .answered, .deferred: (wait, stream) = (nil, nil)
        }
        self.response = response
    }

    /// The answer of a request that waited, once it is there.
    func answer(within seconds: Double = 10) -> Answer? {
        for _ in 0..<Int(seconds * 500) {
            loop.turn(world.application)
            if let answer = loop.answer(ticket) { return answer }
            usleep(2_000)
        }
        return nil
    }

    /// The events so far, as name, id and data.
    var events: [(name: String, id: String?, data: String)] {
        take()
        return String(decoding: received, as: UTF8.self).components(separatedBy: "\n\n").filter { !$0.isEmpty }.map {
            var (name, id, data) = ("", String?.none, "")
            for line in $0.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                switch parts.first {
                case "event": name = parts[1]
                case "id": id = parts[1]
                case "data": data = parts[1]
                default: break
                }
            }
            return (name, id, data)
        }
    }

    /// Waits until the events fulfill a condition.
    func waits(within seconds: Double = 10, for condition: ([(name: String, id: String?, data: String)]) -> Bool)
        -> Bool
    {
        for _ in 0..<Int(seconds * 500) {
            loop.turn(world.application)
            if condition(events) { return true }
            usleep(2_000)
        }
        return false
    }

    /// Reads what was sent.
    func take() {
        guard let stream, !isComplete else { return }
        repeat {
            isComplete = stream.take(atMost: 65_536) { piece in
                for index in piece.indices { received.append(piece[index]) }
            }
            loop.turn(world.application)
        } while !isComplete && stream.hasMore
        if isComplete { stream.close() }
    }
}

extension World {
    /// A client that may read the feed.
    static let reader = "reader"

    /// The head of the feed.
    var head: String {
        send(Ask("GET", "/revocations").basic(Self.reader, Self.encoded(Self.secret))).string("head") ?? ""
    }

    static func feed(_ query: String = "", accept: String? = nil, at route: Route = .revocations) -> Ask {
        let ask = Ask("GET", "\(route)" + (query.isEmpty ? "" : "?\(query)"))
            .basic(reader, encoded(secret))
        return accept.map { ask.with("Accept", $0) } ?? ask
    }

    /// The identifiers of the records in a JSON object of the feed.
    static func ids(_ json: [String: Any]) -> [String] {
        (json["records"] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
    }
}
