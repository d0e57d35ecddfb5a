import HTTP

/// One connection between two of its events. An idle one holds no buffers.
struct Connection {
    enum Stage: UInt8 {
        /// A proxy has yet to say who is at the far end.
        case proxyHeader
        /// TLS is not agreed upon yet.
        case handshake
        /// Between messages.
        case idle
        /// A head has begun.
        case head
        /// A head is complete, its content is not.
        case content
        /// The answer is being made elsewhere, and nothing else waits; nothing is read meanwhile.
        case deferred
        /// Answers wait until the peer takes them; nothing is read meanwhile.
        case writing
        /// Speaks HTTP/2, whatever it does at the moment.
        case http2
        /// The last answer is out; what still comes is thrown away until the peer closes.
        case lingering
        /// The place is free.
        case closed
    }

    var transport: Transport
    /// The other end, or whom the proxy there has introduced.
    var peer: PeerAddress
    /// Whether ``peer`` is a proxy whose word about a request's origin counts.
    var isRelay = false
    var role: Request.Role
    var stage = Stage.idle
    /// The answer to the last request that was read is being made elsewhere.
    var isDeferred = false
    /// Closes once what waits is sent.
    var closes = false
    /// Whether the peer may not expect the close, so that its octets must be taken before the socket goes: closing a
    /// socket with unread octets resets it, and the reset can overtake the answer.
    var lingers = false
    /// Counts against its source.
    var isCounted = false
    let isSecure: Bool
    /// What its requests are told to have come through.
    var channel = Channel()
    var saidContinue = false
    /// What the event queue was told to watch for.
    var interest: UInt32 = 0
    /// Told apart in events from an earlier connection in the same place.
    var generation: UInt32
    /// Which request a deferred answer belongs to.
    var ticket: UInt32
    /// Is on the loop's list of those that have octets to read of which the queue knows nothing.
    var waitsToRead = false
    var servedCount = 0
    var lingeredByteCount = 0
    /// What of its buffers the count of all connections' includes.
    var heldByteCount = 0
    /// In milliseconds of the loop's clock.
    var deadline = Int64.max
    /// When the content, or the answer that waits, began.
    var began: Int64 = 0
    var context = ResponseWriter.Context()
    var reader: HTTP1Reader
    /// Octets of messages that are not complete, or whose turn has not come.
    var input: [UInt8] = []
    /// What could not be sent yet.
    var output: [UInt8] = []
    var outputStart = 0
    var http2: HTTP2Session?

    init(_ arrival: AcceptedConnection, reader: HTTP1Reader, generation: UInt32, ticket: UInt32) {
        transport = arrival.transport
        isSecure = arrival.isSecure
        peer = arrival.peer
        role = arrival.role
        channel.peerUser = arrival.peerUser
        self.reader = reader
        self.generation = generation
        self.ticket = ticket
    }
}

extension Connection {
    /// The memory of its buffers, not of what it always takes.
    var bufferedByteCount: Int {
        input.capacity &+ output.capacity &+ (http2?.bufferedByteCount ?? 0)
    }
}

/// The limits in the unit of the loop's clock.
struct Deadlines: Sendable {
    let head: Int64
    let body: Int64
    let idle: Int64
    let write: Int64
    let linger: Int64
    let drainNotice: Int64
    let drain: Int64
    private let rateMin: Int64
    private let rateGrace: Int64
    /// How often deadlines are looked at.
    let tick: Int64

    init(_ limits: Limits) {
        head = limits.headDeadline.milliseconds
        body = limits.bodyDeadline.milliseconds
        idle = limits.idleDeadline.milliseconds
        write = limits.writeDeadline.milliseconds
        linger = limits.lingerDeadline.milliseconds
        drainNotice = limits.drainNotice.milliseconds
        drain = limits.drainDeadline.milliseconds
        rateMin = Int64(clamping: limits.rateMin)
        rateGrace = limits.rateGrace.milliseconds
        tick = max(10, min(250, min(head, body, idle, write) / 4))
    }

    /// How long `byteCount` octets may take beyond what is granted anyway.
    private func allowance(_ byteCount: Int) -> Int64 {
        guard rateMin > 0 else { return Int64.max / 4 }
        return Int64(clamping: max(0, min(byteCount, 1 << 40))) &* 1_000 / rateMin
    }

    /// When content that began at `began` must be complete, or more of it be there.
    func content(began: Int64, received byteCount: Int) -> Int64 {
        began &+ min(body, rateGrace &+ allowance(byteCount))
    }

    /// When the peer must have taken more of an answer that it could have had at `began`.
    func answer(began: Int64, taken byteCount: Int, now: Int64) -> Int64 {
        min(now &+ write, began &+ write &+ allowance(byteCount))
    }
}
