/// What a connection may cost. Every bound holds before the octets it concerns are looked at further.
package struct Limits: Sendable {
    /// The request target; above it 414.
    package var targetByteCountMax = 8_192
    /// The request line and all field lines together; above it 431.
    package var headByteCountMax = 16_384
    /// Field lines; above it 431.
    package var fieldCountMax = 100
    /// The content without its chunked coding; above it 413.
    package var bodyByteCountMax = 65_536
    /// What chunked coding may add: size lines, extensions and trailers together; above it 413.
    package var chunkOverheadMax = 16_384

    /// From a message's first octet to the end of its head; then 408.
    package var headDeadline: Duration = .seconds(10)
    /// From the end of the head to the end of the content; then 408.
    package var bodyDeadline: Duration = .seconds(10)
    /// Between messages; then the connection closes without a word.
    package var idleDeadline: Duration = .seconds(75)
    /// How long a peer may take none of the octets that wait for it.
    package var writeDeadline: Duration = .seconds(10)
    /// Octets a second that content must arrive with and answers must be taken with, counted from ``rateGrace`` on in
    /// the one case and from ``writeDeadline`` on in the other. Zero means no bound but the deadlines.
    package var rateMin = 512
    package var rateGrace: Duration = .seconds(5)
    /// How long a connection that is closing may send nothing; ``bodyDeadline`` and ``rateMin`` bound it as well.
    package var lingerDeadline: Duration = .seconds(2)

    /// Open connections of all listeners together; above it 503.
    package var connectionsMax = 20_000
    /// Open connections of one ``PeerAddress/source``; above it 503. Zero means no bound. Unix sockets and proxies that are
    /// trusted do not count.
    package var connectionsPerSourceMax = 0
    /// Requests on one connection; the last is answered with `Connection: close`. Zero means no bound.
    package var requestsPerConnectionMax = 0
    /// TLS handshakes under way at once; beyond it the oldest gives way.
    package var handshakesMax = 1_024
    /// What all connections together may keep in memory of unfinished requests and untaken answers.
    package var bufferByteCountMax = 268_435_456
    /// Requests at once on one HTTP/2 connection. Zero means that HTTP/2 is not spoken.
    package var streamsMax = 128

    /// How long a server that stops goes on accepting while it tells its peers to close.
    package var drainNotice: Duration = .seconds(1)
    /// How long after the notice it waits for what is in flight.
    package var drainDeadline: Duration = .seconds(10)

    package init() {}
}

extension Duration {
    /// Whole milliseconds, not below zero and saturating.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? 0 : Int64.max / 2 }
        return min(max(0, scaled &+ attoseconds / 1_000_000_000_000_000), Int64.max / 2)
    }
}
