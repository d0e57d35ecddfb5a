/// The resource limits of connections. Every limit applies before the bytes concerned are processed further.
package struct Limits: Sendable {
    /// The maximum length of the request target in bytes; above it 414.
    package var targetByteCountMax = 8_192
    /// The maximum length of the request line and all field lines together in bytes; above it 431.
    package var headByteCountMax = 16_384
    /// The maximum number of field lines; above it 431.
    package var fieldCountMax = 100
    /// The maximum length of the content without its chunked coding in bytes; above it 413.
    package var bodyByteCountMax = 65_536
    /// The same for a request to which ``Handler/contentByteCountMax(_:)`` allows more.
    package var largeBodyByteCountMax = 1_048_576
    /// The maximum overhead of chunked coding in bytes: size lines, extensions and trailers together; above it 413.
    package var chunkOverheadMax = 16_384

    /// The time from the first byte of a message to the end of its head; then 408.
    package var headDeadline: Duration = .seconds(10)
    /// The time from the end of the head to the end of the content; then 408.
    package var bodyDeadline: Duration = .seconds(10)
    /// The time between messages; then the connection closes without a response.
    package var idleDeadline: Duration = .seconds(75)
    /// How long a client may read none of the pending bytes.
    package var writeDeadline: Duration = .seconds(10)
    /// The minimum rate in bytes per second at which content must arrive (measured from ``rateGrace`` on) and responses
    /// must be read (measured from ``writeDeadline`` on). Zero means that only the deadlines apply.
    package var rateMin = 512
    package var rateGrace: Duration = .seconds(5)
    /// How long a closing connection may send nothing; ``bodyDeadline`` and ``rateMin`` apply as well.
    package var lingerDeadline: Duration = .seconds(2)

    /// The maximum number of open connections of all listeners together; above it 503.
    package var connectionsMax = 20_000
    /// The maximum number of open connections of one ``PeerAddress/source``; above it 503. Zero means unlimited. Unix
    /// sockets and trusted proxies do not count.
    package var connectionsPerSourceMax = 0
    /// The maximum number of requests on one connection; the last response carries `Connection: close`. Zero means
    /// unlimited.
    package var requestsPerConnectionMax = 0
    /// The maximum number of concurrent TLS handshakes; above it the oldest is closed.
    package var handshakesMax = 1_024
    /// The maximum memory in bytes for the incomplete requests and unread responses of all connections together.
    package var bufferByteCountMax = 268_435_456
    /// The maximum number of concurrent requests on one HTTP/2 connection. Zero disables HTTP/2.
    package var streamsMax = 128

    /// How long a stopping server accepts new connections after it has announced the end of the existing ones.
    package var drainNotice: Duration = .seconds(1)
    /// How long the server then waits for requests in progress.
    package var drainDeadline: Duration = .seconds(10)

    package init() {}
}

extension Duration {
    /// Whole milliseconds, saturating and not below zero.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? 0 : Int64.max / 2 }
        return min(max(0, scaled &+ attoseconds / 1_000_000_000_000_000), Int64.max / 2)
    }
}
