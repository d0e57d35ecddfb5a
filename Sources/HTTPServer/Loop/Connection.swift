import HTTP

/// The state of one connection between two events. An idle connection keeps no buffers.
struct Connection {
    enum Stage: UInt8 {
        /// Waiting for the PROXY protocol header.
        case proxyHeader
        /// The TLS handshake is in progress.
        case handshake
        /// Between two messages.
        case idle
        /// A head is incomplete.
        case head
        /// A head is complete, and its content is not.
        case content
        /// The response is being prepared elsewhere and nothing else is pending; nothing is read meanwhile.
        case deferred
        /// A streamed response waits for its next piece; of what the client sends meanwhile, a bounded part is kept.
        case streaming
        /// Responses wait for the client to read; nothing is read meanwhile.
        case writing
        /// The connection uses HTTP/2, in any state.
        case http2
        /// The last response was sent; further input is discarded until the client closes.
        case lingering
        /// The slot is free.
        case closed
    }

    var transport: Transport
    /// The other end, or the client that a trusted proxy reported.
    var peer: PeerAddress
    /// Whether ``peer`` is a proxy that is trusted to supply the origin of a request.
    var isRelay = false
    var role: Request.Role
    var stage = Stage.idle
    /// Whether the response to the last request is being prepared elsewhere.
    var isDeferred = false
    /// Whether the connection closes after the pending output is sent.
    var closes = false
    /// Whether the client may not expect the close. Its remaining bytes are then read before the socket is closed:
    /// closing a socket with unread bytes resets it, and the reset can overtake the response.
    var lingers = false
    /// Whether the connection counts against the limit of its source.
    var isCounted = false
    let isSecure: Bool
    /// The channel that its requests report.
    var channel = Channel()
    var saidContinue = false
    /// The events that the event queue watches.
    var interest: UInt32 = 0
    /// Distinguishes events of this connection from those of an earlier one in the same slot.
    var generation: UInt32
    /// The request that a deferred response belongs to.
    var ticket: UInt32
    /// Whether the connection is on the list of the loop of those with readable bytes that the event queue cannot see.
    var waitsToRead = false
    /// Whether the connection is on the list of the loop of those that wait for the end of the turn.
    var isPostponed = false
    var servedCount = 0
    var lingeredByteCount = 0
    /// The part of its buffers that is included in the total of all connections.
    var heldByteCount = 0
    /// The deadline, in milliseconds on the clock of the loop.
    var deadline = Int64.max
    /// When the content or the pending response began, in milliseconds on the clock of the loop.
    var began: Int64 = 0
    var context = ResponseWriter.Context()
    var reader: HTTP1Reader
    /// Bytes of incomplete messages, or of messages that wait for an earlier response.
    var input: [UInt8] = []
    /// Bytes that could not be sent yet.
    var output: [UInt8] = []
    var outputStart = 0
    var http2: HTTP2Session?
    /// The streamed response in progress (HTTP/1).
    var stream: ResponseStream?
    /// What the deferred response waits for, if that may take long (HTTP/1).
    var wait: ResponseWait?

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
    /// Continues with an incomplete message in the retained bytes.
    ///
    /// - Returns: whether it needs more input.
    mutating func needsMore() -> Bool { input.count < reader.byteCountWanted || reader.needsMore(&input) }

    /// The number of bytes of memory of its buffers, without the fixed size of the connection.
    var bufferedByteCount: Int {
        input.capacity &+ output.capacity &+ (http2?.bufferedByteCount ?? 0) &+ (stream?.byteCount ?? 0)
    }
}
