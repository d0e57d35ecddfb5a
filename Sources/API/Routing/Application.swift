import Encoding
package import HTTP
package import JOSE
import Keys
import Platform
import Service
import Telemetry

/// Answers the requests of one loop: finds the endpoint, calls it, counts the answer.
package final class Application: Handler {
    let context: LoopContext
    let shared: ApplicationShared
    let counts: LoopCounts
    private var requestID: RequestID
    /// Nil while there is no access log.
    private let access: AccessRecorder?
    /// Without a slash at its end; empty for an issuer without a path.
    private let issuerPath: [UInt8]
    var json = JSONDocument()
    /// The pages that do not change between two changes of the keys.
    var pages: Documents

    /// - Throws: when OpenSSL cannot make the contexts that every token needs.
    package init(shared: ApplicationShared) throws(KeyError) {
        self.shared = shared
        context = try LoopContext(authState: shared.authState)
        counts = shared.newLoopCounts()
        requestID = RequestID(prefix: shared.random())
        access = shared.accessLog.map { AccessRecorder(lane: $0.newLane(), random: shared.random) }
        pages = Documents(shared: shared, context: context)
        issuerPath = Self.path(of: shared.authState.settings.issuer)
    }

    package func handle(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange
    ) -> Disposition {
        context.follow()
        let endpoint = endpoint(at: request)
        let trace = traceContext(request, endpoint)
        let call = newCall(
            endpoint, from: request.peer, over: request.channel, trace, access?.facts(request, trace))
        noticeForwarding(request, endpoint, call)
        do throws(Problem) {
            guard let endpoint else {
                guard isServerWide(request) else { throw missing(request) }
                response.status = 204
                response.addLines("Allow: GET, HEAD, POST, OPTIONS\r\n")
                finish(call, &response)
                return .answered
            }
            try admit(request, endpoint, &response)
            guard request.method != .options || endpoint.methods == nil else {
                allow(endpoint, &response)
                finish(call, &response)
                return .answered
            }
            if try dispatch(endpoint, request, &response, exchange, call) == .deferred { return .deferred }
        } catch {
            answer(error, call, &response)
            if error.code == .methodNotAllowed, let endpoint { response.addField("Allow", endpoint.allowed.utf8) }
        }
        finish(call, &response)
        return .answered
    }

    private func endpoint(at request: borrowing Request) -> Endpoint? {
        if let found = Endpoint.at(request, request.path) { return found }
        guard !issuerPath.isEmpty, request.role == .service else { return nil }
        // The metadata name every endpoint below the issuer's own path, which a proxy in front may strip or not.
        let path = request.bytes[request.path]
        if path.starts(with: issuerPath) {
            return Endpoint.at(request, (request.path.lowerBound + issuerPath.count)..<request.path.upperBound)
        }
        // RFC 8414 §3 puts the issuer's path behind the well-known part.
        return path.elementsEqual("\(Endpoint.metadata.path)".utf8 + issuerPath) ? .metadata : nil
    }

    package func admits(_ request: borrowing Request, _ response: inout Response) -> Bool {
        let endpoint = endpoint(at: request)
        do throws(Problem) {
            guard let endpoint else { throw missing(request) }
            try admit(request, endpoint, &response)
            if request.method != .options, let accepted = endpoint.accepted {
                let type = try Parameters.contentType(request, accepted)
                guard type != nil || !announcesContent(request) else {
                    throw Problem(.unsupportedMediaType, accepted.expected)
                }
            }
            return true
        } catch {
            let trace = traceContext(request, endpoint)
            let call = newCall(
                endpoint, from: request.peer, over: request.channel, trace, access?.facts(request, trace))
            response.closesConnection = true
            answer(error, call, &response)
            if error.code == .methodNotAllowed, let endpoint { response.addField("Allow", endpoint.allowed.utf8) }
            finish(call, &response)
            return false
        }
    }

    package func refuse(
        _ fault: RequestError, from peer: PeerAddress, over channel: Channel, _ response: inout Response
    ) {
        let call = newCall(nil, from: peer, over: channel, nil, access?.facts(unreadFrom: channel))
        let retryAfter: Int64? = fault.status == 503 ? 1 : nil
        answer(Problem(ProblemCode(fault), reason: fault.reason, retryAfter: retryAfter), call, &response)
        finish(call, &response)
    }

    private static func path(of issuer: String) -> [UInt8] {
        guard let scheme = issuer.firstRange(of: "://"),
            let slash = issuer[scheme.upperBound...].firstIndex(of: "/")
        else { return [] }
        var path = issuer[slash...]
        while path.hasSuffix("/") { path.removeLast() }
        return Array(path.utf8)
    }

    private func newCall(
        _ endpoint: Endpoint?, from source: PeerAddress?, over channel: Channel, _ trace: TraceContext?,
        _ facts: AccessFacts?
    ) -> Call {
        requestID.advance()
        return Call(
            endpoint: endpoint, requestID: requestID, source: source, peerUser: channel.peerUser,
            began: shared.monotonic(),
            now: context.authState.clock.now, trace: facts?.own ?? trace, facts: facts)
    }

    /// What the request says of its trace, where somebody will be told.
    private func traceContext(_ request: borrowing Request, _ endpoint: Endpoint?) -> TraceContext? {
        guard access != nil || endpoint?.isQuiet == false, let field = request.field("traceparent") else { return nil }
        return TraceContext(request.octets(field))
    }

    /// Counts an answer that is complete.
    func finish(_ call: Call, _ response: inout Response) {
        let row = call.endpoint.map { $0.rawValue } ?? Endpoint.allCases.count
        let column = ApplicationShared.statusColumn(response.status)
        let microseconds = (shared.monotonic() &- call.began) / 1_000
        counts.record(row: row, column: column, microseconds: microseconds)
        guard let access, let facts = call.facts else { return }
        access.record(facts, call, microseconds: microseconds, &response)
    }

    func answer(_ problem: Problem, _ call: Call, _ response: inout Response) {
        problem.write(to: &response, requestID: call.requestID, isOAuth: call.endpoint?.isOAuth ?? false)
        let quiet: Log.Level = call.endpoint?.isQuiet ?? true ? .debug : .info
        let level: Log.Level =
            switch problem.code {
            // Any client can send these, all day long.
            case .methodUnknown, .codingUnsupported, .versionUnsupported: quiet
            // The service does what it is meant to under load.
            case .hashingSaturated, .tooManyConnections: .warning
            default: problem.status >= 500 ? .error : quiet
            }
        shared.log.write(level, "request_refused") { line in
            call.add(to: &line)
            line.add("path", call.endpoint.map { "\($0.path)" } ?? "-")
            line.add("status", problem.status)
            line.add("code", problem.code.rawValue)
            if let reason = problem.reason ?? issuerReason(problem) { line.add("reason", reason) }
        }
    }

    /// Both names, since a setting that was changed is the usual cause. The signature was verified before.
    private func issuerReason(_ problem: Problem) -> String? {
        guard problem.code == .issuerMismatch, let found = context.namedIssuer else { return nil }
        return "the token's issuer is \(found), and MARTLET_ISSUER is \(context.authState.settings.issuer)"
    }

    private func missing(_ request: borrowing Request) -> Problem {
        request.method == .other ? Problem(.methodUnknown) : Problem(.notFound)
    }

    /// `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7), and a probe such as HAProxy's plain
    /// `option httpchk` sends `OPTIONS /`.
    private func isServerWide(_ request: borrowing Request) -> Bool {
        request.method == .options && (request.isEqual(request.path, "*") || request.isEqual(request.path, "/"))
    }

    /// What every endpoint refuses alike: unknown and wrong methods, and tokens in the URL.
    private func admit(_ request: borrowing Request, _ endpoint: Endpoint, _ response: inout Response) throws(Problem) {
        if request.method == .other, endpoint.methods != nil { throw Problem(.methodUnknown) }
        if request.method == .options, endpoint.methods != nil { return }
        guard endpoint.takes(request.method) else { throw Problem(.methodNotAllowed) }
        guard endpoint != .auth, !request.query.isEmpty else { return }
        guard !Query.carriesToken(request) else {
            throw Problem(.tokenInURL, "Send it in the Authorization header or the body.")
        }
    }

    /// Whether content of a known length follows.
    private func announcesContent(_ request: borrowing Request) -> Bool {
        guard let length = request.field("content-length") else { return false }
        return request.bytes[length].contains { $0 != UInt8(ascii: "0") }
    }

    private func allow(_ endpoint: Endpoint, _ response: inout Response) {
        response.status = 204
        response.addField("Allow", endpoint.allowed.utf8)
    }

    private func dispatch(
        _ endpoint: Endpoint, _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange,
        _ call: Call
    ) throws(Problem) -> Disposition {
        switch endpoint {
        case .verify: try verify(request, &response, call)
        case .auth: try auth(request, &response, call)
        case .login: return try login(request, exchange, call)
        case .refresh, .token: return try refresh(request, exchange, call)
        case .logout: return try logout(request, exchange, call)
        case .revoke: return try revoke(request, &response, exchange, call)
        case .introspect: try introspect(request, &response, call)
        case .jwks, .metadata, .openAPI: page(endpoint, request, &response)
        case .healthz: healthz(&response)
        case .livez: livez(&response)
        case .readyz: try readyz(&response)
        case .metrics: metrics(&response)
        case .adminStatus: try adminStatus(request, &response)
        case .adminRevocations: return try adminRevocations(request, exchange, call)
        }
        return .answered
    }
}

/// One request as its endpoint and the log know it.
struct Call: Sendable {
    let endpoint: Endpoint?
    let requestID: RequestID
    /// Unknown for a message that could not be read.
    let source: PeerAddress?
    /// Who asked over a Unix socket of the operator.
    let peerUser: UInt32?
    /// Nanoseconds of a clock that only goes forward.
    let began: Int64
    /// Milliseconds since 1970.
    let now: Int64
    /// Where the request belongs, if that is known.
    let trace: TraceContext?
    /// Nil while there is no access log.
    let facts: AccessFacts?

    /// What every log line of a request begins with (M2).
    func add(to line: inout LogLine) {
        line.add("request_id", requestID.description)
        if let trace { line.add("trace_id", trace.traceID) }
        if let source { line.add("source", source.description) }
        if let peerUser { line.add("uid", peerUser) }
    }
}

extension Endpoint {
    var allowed: String {
        let named = methods ?? [.get, .head, .post, .put, .patch, .delete]
        return (named + [.options]).map(\.rawValue).joined(separator: ", ")
    }

    /// Endpoints that any stranger may fail at, all day long: their refusals are counted, and logged only when debugging.
    var isQuiet: Bool {
        switch self {
        case .verify, .auth, .jwks, .metadata, .openAPI, .healthz, .livez, .readyz, .metrics: true
        default: false
        }
    }
}
