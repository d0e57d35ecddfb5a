import Encoding
package import HTTP
package import JOSE
import Keys
import Platform
import Service
import Telemetry

/// Answers the requests of one event loop: matches the route, runs the pipeline, counts the answer.
package final class Application: Handler {
    let context: LoopContext
    let shared: ApplicationShared
    let counts: LoopCounts
    private var requestID: RequestID
    /// Nil while there is no access log.
    private let access: AccessRecorder?
    private let router: Router
    let routes: RouteTable
    /// Stored, because creating one for each request would retain the context.
    let verifyToken: VerifyToken
    var keyMembers: KeyMembers
    var json = JSONDocument()
    /// For the content of batches.
    var largeJSON = JSONDocument(
        limits: JSONLimits(byteCountMax: RoutePolicies.largeContentByteCountMax), capacity: 512)
    var batches = BatchQueue()
    var feedReaders = FeedReaders()
    /// The documents that change with the keys only.
    var documents: Documents

    /// - Parameter routes: the table whose endpoints `shared` has.
    /// - Throws: when OpenSSL cannot make the contexts that every token needs.
    package init(shared: ApplicationShared, routes: RouteTable = .standard) throws(KeyError) {
        precondition(shared.endpoints.count == routes.routes.count, "one table for the counters and the handlers")
        self.shared = shared
        self.routes = routes
        context = try LoopContext(authState: shared.authState)
        counts = shared.newLoopCounts()
        requestID = RequestID(prefix: shared.random())
        access = shared.accessLog.map { AccessRecorder(lane: $0.newLane(), random: shared.random) }
        verifyToken = VerifyToken(context)
        keyMembers = KeyMembers(context.keyring)
        documents = Documents(context)
        router = Router(shared.endpoints, issuer: shared.authState.settings.issuer)
    }

    package func handle(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange
    ) -> Disposition {
        context.applyChanges()
        let call = begin(request)
        noticeForwarding(request, call)
        var disposition = Disposition.answered
        do throws(Problem) {
            disposition = try run(request, &response, exchange, call)
            switch disposition {
            case .deferred, .waiting: return disposition
            case .answered, .streaming: break
            }
        } catch {
            if waits(for: error.awaited, request, exchange, call) { return .deferred }
            answer(error, call, &response)
        }
        // A streamed answer is complete for the metrics and the access log when its head is.
        finish(call, &response)
        return disposition
    }

    package func admits(_ request: borrowing Request, _ response: inout Response) -> Bool {
        let call: Call
        let match = router.match(request)
        do throws(Problem) {
            guard let endpoint = match?.endpoint else { throw Self.missing(request) }
            if try admit(request, endpoint) { try checkContent(request, endpoint) }
            return true
        } catch {
            call = begin(request, match)
            response.closesConnection = true
            answer(error, call, &response)
        }
        finish(call, &response)
        return false
    }

    package func contentByteCountMax(_ request: borrowing Request) -> Int {
        guard let endpoint = router.match(request)?.endpoint, endpoint.methods.contains(request.method) else {
            return 0
        }
        if endpoint.access == .page, shared.browser != nil { return Self.pageContentByteCountMax }
        return endpoint.policies.contains(.largeContent) ? RoutePolicies.largeContentByteCountMax : 0
    }

    package func refuse(
        _ fault: RequestError, from peer: PeerAddress, over channel: Channel, _ response: inout Response
    ) {
        // The path is not known, and some paths answer pages of listed origins with more fields.
        let crossOrigin = shared.browser == nil ? CrossOrigin.alike : .notAllowed
        let call = newCall(nil, from: peer, over: channel, nil, access?.facts(unreadFrom: channel), crossOrigin)
        let retryAfter: Int64? = fault.status == 503 ? 1 : nil
        answer(Problem(ProblemCode(fault), reason: fault.reason, retryAfter: retryAfter), call, &response)
        finish(call, &response)
    }

    private func begin(_ request: borrowing Request) -> Call { begin(request, router.match(request)) }

    private func begin(_ request: borrowing Request, _ match: EndpointTable.Match?) -> Call {
        let trace = traceContext(request, match?.endpoint)
        return newCall(
            match, from: request.peer, over: request.channel, trace, access?.facts(request, trace),
            crossOrigin(request, match?.endpoint), language: language(request, match?.endpoint))
    }

    private func crossOrigin(_ request: borrowing Request, _ endpoint: Endpoint?) -> CrossOrigin {
        guard endpoint?.policies.contains(.crossOrigin) == true, let browser = shared.browser else { return .alike }
        return CrossOrigin(request, browser)
    }

    private func newCall(
        _ match: EndpointTable.Match?, from source: PeerAddress?, over channel: Channel, _ trace: TraceContext?,
        _ facts: AccessFacts?, _ crossOrigin: CrossOrigin = .alike, language: UInt8 = 0
    ) -> Call {
        requestID.advance()
        return Call(
            endpoint: match?.endpoint, parameters: match?.parameters, requestID: requestID, source: source,
            peerUser: channel.peerUser, began: shared.monotonic(), now: context.authState.clock.now,
            trace: facts?.own ?? trace, facts: facts, crossOrigin: crossOrigin, language: language)
    }

    /// The trace of the request, if a log line will name it.
    private func traceContext(_ request: borrowing Request, _ endpoint: Endpoint?) -> TraceContext? {
        guard access != nil || endpoint?.isQuiet == false, let field = request.field("traceparent") else { return nil }
        return TraceContext(request.bytes(field))
    }

    /// Counts an answer that is complete.
    func finish(_ call: Call, _ response: inout Response) {
        if call.crossOrigin != .alike { addCrossOrigin(call.crossOrigin, &response) }
        if let knowledge = shared.authState.knowledge { addAge(of: knowledge, call, &response) }
        let row = call.endpoint.map { $0.row } ?? shared.endpoints.count
        let column = ApplicationShared.statusColumn(response.status)
        let microseconds = (shared.monotonic() &- call.began) / 1_000
        counts.record(row: row, column: column, microseconds: microseconds)
        guard let access, let facts = call.facts else { return }
        access.record(facts, call, microseconds: microseconds, &response)
    }

    /// Writes the answer to a request that was rejected, and logs it.
    ///
    /// - Parameter html: the page with the form that was rejected; nil for a page that only says what was wrong.
    func answer(_ problem: Problem, _ call: Call, _ response: inout Response, page: RejectedPage? = nil) {
        let problem = problem.over(shared.authState.store)
        // A page would not say which server must be asked instead.
        if call.wantsPage, problem.code != .notHere, let browser = shared.browser {
            writeProblem(problem, page, call, browser, &response)
        } else {
            problem.write(to: &response, requestID: call.requestID, isOAuth: call.endpoint?.isOAuth ?? false)
        }
        if problem.code == .methodNotAllowed, let endpoint = call.endpoint {
            response.addField("Allow", endpoint.allowed(inBrowserMode: shared.browser != nil).utf8)
        }
        if problem.clearsCookies {
            if problem.code == .cookieAmbiguous { clearEveryCookie(&response) } else { clearCookies(&response) }
        }
        shared.log.write(Self.level(of: problem, call), "request_refused") { line in
            call.add(to: &line)
            line.add("path", call.path)
            line.add("status", problem.status)
            line.add("code", problem.code.rawValue)
            if let reason = problem.reason { line.add("reason", reason) }
        }
    }

    private static func level(of problem: Problem, _ call: Call) -> Log.Level {
        let quiet: Log.Level = call.endpoint?.isQuiet ?? true ? .debug : .info
        return switch problem.code {
        // Any client can send these all day.
        case .methodUnknown, .codingUnsupported, .versionUnsupported, .sequenceNotReached, .sequenceUnknown: quiet
        // The service works as designed under load.
        case .hashingSaturated, .tooManyConnections, .storeUnavailable: .warning
        default: problem.status >= 500 ? .error : quiet
        }
    }
}
