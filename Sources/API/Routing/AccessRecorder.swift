import Encoding
import HTTP
import Platform
import Telemetry

/// What the access log reports about a request. It is copied when the request arrives, since the request may be gone
/// when the answer is complete.
///
/// It is a class, so that it adds one word to a call while there is no access log.
final class AccessFacts: Sendable {
    let method: Method
    let contentByteCount: Int
    let channel: Channel
    /// Whether the log gets a line for this request, whatever its answer is.
    let isSampled: Bool
    /// The trace context of the request, if it could be parsed.
    let arrived: TraceContext?
    /// Our own span in it.
    let own: TraceContext

    init(
        method: Method, contentByteCount: Int, channel: Channel, isSampled: Bool, arrived: TraceContext?,
        own: TraceContext
    ) {
        self.method = method
        self.contentByteCount = contentByteCount
        self.channel = channel
        self.isSampled = isSampled
        self.arrived = arrived
        self.own = own
    }
}

/// Collects facts and writes lines of the access log for one event loop.
///
/// No text of a client gets into a line, except the subject of a client certificate, which is escaped: the method is one of a
/// list, the route is its pattern, and the trace is formatted from its numbers.
final class AccessRecorder {
    private let lane: AccessLog.LogShard
    private var ids: TraceIDs
    private var json = JSONWriter()
    private var scratch: [UInt8] = []
    private var field: [UInt8] = []
    /// The text of ``timeOfText``, which the next line probably needs again.
    private var timeText: [UInt8] = []
    private var timeOfText = UnixMilliseconds.distantPast

    init(lane: AccessLog.LogShard, random: () -> UInt64) {
        self.lane = lane
        ids = TraceIDs(half: random(), seed: random())
    }

    func facts(_ request: borrowing Request, _ arrived: TraceContext?) -> AccessFacts {
        facts(request.method, request.body.count, request.channel, arrived)
    }

    /// The line for a message that could not be read.
    func facts(unreadFrom channel: Channel) -> AccessFacts {
        facts(.other, 0, channel, nil)
    }

    private func facts(
        _ method: Method, _ contentByteCount: Int, _ channel: Channel, _ arrived: TraceContext?
    ) -> AccessFacts {
        let isSampled = lane.samples(ids.next())
        let own = arrived?.continued(by: ids.next()) ?? ids.begin(isSampled: isSampled)
        return AccessFacts(
            method: method, contentByteCount: contentByteCount, channel: channel, isSampled: isSampled,
            arrived: arrived, own: own)
    }

    /// Adds `traceresponse` to the answer, and writes a line for sampled requests and for every server error.
    func record(_ facts: AccessFacts, _ call: Call, microseconds: Int64, _ response: inout Response) {
        field.removeAll(keepingCapacity: true)
        facts.own.write(to: &field)
        response.addField("traceresponse", field)
        guard facts.isSampled || response.status >= 500 else { return }
        write(facts, call, microseconds, response)
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: json.bytes)
        scratch.append(UInt8(ascii: "\n"))
        let line = scratch
        lane.append(line.span)
    }

    private func write(_ facts: AccessFacts, _ call: Call, _ microseconds: Int64, _ response: borrowing Response) {
        json.removeAll()
        json.beginObject()
        if call.now != timeOfText {
            timeOfText = call.now
            timeText.removeAll(keepingCapacity: true)
            ISO8601.write(milliseconds: call.now, to: &timeText)
        }
        json.name("time")
        let time = timeText
        json.string(utf8: time.span)
        add("request_id") { call.requestID.write(to: &$0) }
        if let arrived = facts.arrived { add("traceparent_in") { arrived.write(to: &$0) } }
        add("traceparent_out") { facts.own.write(to: &$0) }
        add("method") { $0.append(contentsOf: (facts.method == .other ? "other" : facts.method.rawValue).utf8) }
        add("route") { $0.append(call.endpoint?.path ?? "other") }
        add("status", Int64(response.status))
        add("bytes_in", Int64(clamping: facts.contentByteCount))
        let hasContent = facts.method != .head && response.status != 204 && response.status != 304
        add("bytes_out", hasContent ? Int64(clamping: response.body.count) : 0)
        add("us", microseconds)
        if let source = call.source { add("peer") { $0.append(contentsOf: source.description.utf8) } }
        add("protocol") { $0.append(facts.channel.version.name) }
        switch facts.channel.security {
        case .none: break
        case .tls12: add("tls") { $0.append("1.2") }
        case .tls13: add("tls") { $0.append("1.3") }
        }
        if let subject = facts.channel.clientSubject {
            json.name("client_subject")
            json.string(subject)
        }
        json.endObject()
    }

    private func add(_ name: StaticString, _ value: Int64) {
        json.name(name)
        json.integer(value)
    }

    private func add(_ name: StaticString, _ write: (inout [UInt8]) -> Void) {
        scratch.removeAll(keepingCapacity: true)
        write(&scratch)
        json.name(name)
        // This shares the storage of `scratch` and is released before `scratch` is written again.
        let text = scratch
        json.string(utf8: text.span)
    }
}
