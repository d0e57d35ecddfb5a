import HTTP
import Platform
import Telemetry

/// One request, as its handler and the log know it.
struct Call: Sendable {
    /// Nil for a path that no endpoint has, and for a message that could not be read.
    let endpoint: Endpoint?
    /// The values of a path with parameters; nil for a fixed path.
    var parameters: PathParameters?
    let requestID: RequestID
    /// Nil for a message that could not be read.
    let source: PeerAddress?
    /// The user ID of the process that sent the request over a Unix socket of the operator.
    let peerUser: UInt32?
    /// Nanoseconds of a monotonic clock.
    let began: Int64
    /// Milliseconds since 1970.
    let now: UnixMilliseconds
    /// The trace that the request belongs to, if that is known.
    let trace: TraceContext?
    /// Nil while there is no access log.
    let facts: AccessFacts?
    let crossOrigin: CrossOrigin
    /// The index of the reader's language, for a page.
    var language: UInt8
    /// Whether a browser loads the answer of an endpoint that otherwise has none for readers.
    var isNavigation = false

    /// Whether a problem is answered with a page.
    var wantsPage: Bool { isNavigation || endpoint?.access == .page }

    /// The path of the endpoint, for a log line.
    var path: StaticString { endpoint?.path ?? "-" }

    /// Adds the members that every log line of a request begins with.
    func add(to line: inout LogLine) {
        line.addPlain("request_id") { requestID.write(to: &$0) }
        if let trace { line.addPlain("trace_id") { trace.writeTraceID(to: &$0) } }
        if let source { line.addPlain("source") { source.write(to: &$0) } }
        if let peerUser { line.add("uid", peerUser) }
    }
}
