import HTTP
import Synchronization

/// An event loop that the test moves on, one turn at a time.
final class SteppedLoop: ExchangeLoop {
    typealias Work = @Sendable (any Handler) -> Void

    private let works = Mutex<[Work]>([])

    /// What the next turn does.
    var count: Int { works.withLock { $0.count } }

    func resume(_: UInt64, _: @escaping @Sendable (any Handler, inout Response) -> Void) {
        preconditionFailure("no answer is deferred")
    }

    func perform(_ body: @escaping Work) { works.withLock { $0.append(body) } }

    func serve(_: ResponseStream) {}

    /// Does what had been posted before this turn; what is posted meanwhile waits for the next one.
    func turn(_ handler: any Handler) {
        let taken = works.withLock { works in
            defer { works = [] }
            return works
        }
        for work in taken { work(handler) }
    }
}

/// A streamed answer that the test takes when it likes.
final class SteppedAnswer {
    let response: Response
    let stream: ResponseStream?
    private(set) var body: [UInt8]
    private(set) var isComplete: Bool

    init(_ world: World, _ ask: Ask, on loop: SteppedLoop, ticket: UInt64 = 1) {
        var response = Response()
        let request = ask.laidOut()
        let disposition = world.application.handle(request, &response, Exchange(loop: loop, ticket: ticket))
        self.response = response
        switch disposition {
        case .streaming(let stream): (self.stream, body, isComplete) = (stream, [], false)
        case .answered, .deferred, .waiting: (stream, body, isComplete) = (nil, response.body, true)
        }
    }

    /// Takes everything that is there, as the event loop does for a client that reads.
    func take() {
        guard let stream, !isComplete else { return }
        repeat {
            isComplete = stream.take(atMost: 65_536) { piece in for index in piece.indices { body.append(piece[index]) }
            }
        } while !isComplete && stream.hasMore
        if isComplete { stream.close() }
    }
}
