import HTTP

/// One connection between two of its events. An idle one holds no buffers.
struct Connection {
    enum Stage: UInt8 {
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
    var peer: PeerAddress
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
    var servedCount = 0
    var lingeredByteCount = 0
    /// In milliseconds of the loop's clock.
    var deadline = Int64.max
    var context = AnswerWriter.Context()
    var reader: HTTP1Reader
    /// Octets of messages that are not complete, or whose turn has not come.
    var input: [UInt8] = []
    /// What could not be sent yet.
    var output: [UInt8] = []
    var outputStart = 0
    var http2: HTTP2Session?

    init(_ arrival: Arrival, reader: HTTP1Reader, generation: UInt32, ticket: UInt32) {
        transport = arrival.transport
        isSecure = arrival.isSecure
        peer = arrival.peer
        role = arrival.role
        self.reader = reader
        self.generation = generation
        self.ticket = ticket
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
        tick = max(10, min(250, min(head, body, idle, write) / 4))
    }
}
