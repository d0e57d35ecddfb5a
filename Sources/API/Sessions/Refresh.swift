import Accounts
import Encoding
import HTTP
import Revocation
import Service
import Telemetry
import Tokens

extension Route {
    package static let refresh = Route(
        "/refresh", [.get, .head, .post], inBrowserMode: [.get, .head], policies: [.oauthErrors, .crossOrigin],
        content: .either,
        codes: [
            .requestMalformed, .grantUnsupported, .scopeInvalid, .audienceInvalid, .refreshMismatch,
            .unsupportedMediaType, .clientInvalid, .clientNotAllowed, .tooManyAttempts, .journalUnavailable,
            .storeUnavailable,
            .signingUnavailable,
        ] + [.sessionReplaced] + ProblemCode.ofPositions + ProblemCode.ofCookies + ProblemCode.ofRefresh,
        operations: [
            refreshVisit,
            Operation(
                method: .post, id: "refresh", tag: "sessions", summary: "Exchange a refresh token for new tokens.",
                description: """
                    Each refresh token works once. Within the grace time the same request repeats the same answer (Refresh-Outcome: replayed); after that time, a used token ends its session. With MARTLET_BROWSER=on, a request without refresh_token uses the cookies of the refresh token and of the session, and the answer sets all cookies. session_replaced means that a new sign-in of the same browser has ended the session of these cookies: it clears no cookie, and the browser has newer ones.
                    """,
                security: [.none, .client],
                body: Operation.Body(
                    isRequired: false,
                    contents: [
                        .json(.refresh, ("plain", .map([("refresh_token", .plain("$REFRESH_TOKEN"))]))),
                        .form(.refresh),
                    ]),
                answers: [
                    .refreshed(headers: [Operation.cookieHeader], content: .json(.deliveredTokens))
                ]),
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        guard request.method == .post else { return try application.visitRefresh(request, &response, exchange, call) }
        return try application.refresh(request, exchange, call)
    }
}

extension Schema {
    static let refresh = named(
        "Refresh",
        .object(
            .optional("refresh_token", .string.described("Required without the cookies of browser mode.")),
            .optional("grant_type", .string(values: ["refresh_token"])),
            .optional("scope", .string.described("A subset of the session's scope.")), .optional("audience", .string),
            .optional("resource", .string.described("As audience, if that is a URI (RFC 8707).")),
            .optional(
                "mode",
                .string(values: ["cookie", "access"]).described(
                    "Only for a refresh by cookie. With access, which needs MARTLET_BROWSER_TOKENS=on, the content has an access token for audience."
                )),
            .wantedPosition, .optional("client_id", .string), .optional("client_secret", .string)))
}

extension Operation.Answer {
    /// The answer of /refresh and of the refresh grant.
    static func refreshed(headers: [Operation.Header] = [], content: Operation.Content = .json(.tokens)) -> Self {
        Self(
            status: 200, description: "The new tokens; sent when the rotation is on stable storage.",
            headers: [
                Operation.Header(name: "Refresh-Outcome", schema: .string(values: ["rotated", "replayed"]))
            ] + headers,
            content: content)
    }
}

extension Application {
    /// `POST /refresh`: exchanges a refresh token for its successor.
    func refresh(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let known: MemberNames = shared.browser == nil ? .refresh : .browserRefresh
        let parameters = try Parameters(request, .either, known: known, &json)
        guard try parameters.text("grant_type") ?? GrantType.refreshToken.rawValue == GrantType.refreshToken.rawValue
        else {
            throw Problem(.grantUnsupported)
        }
        try check(try parameters.wantedPosition())
        return try rotate(request, parameters, try presentedRefresh(request, parameters), exchange, call)
    }

    /// Exchanges a refresh token for its successor. The answer is sent when the rotation is durable.
    func rotate(
        _ request: borrowing Request, _ parameters: Parameters, _ presented: PresentedRefresh,
        _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let scope = try parameters.scope()
        let client = try client(request, parameters)
        let audience: String?
        do throws(RefreshFailure) {
            audience = presented.hasContentToken ? nil : try self.audience(parameters)
        } catch {
            throw presented.problem(problem(error, call))
        }
        return try rotate(presented, scope: scope, audience: audience, client: client, exchange, call)
    }

    func rotate(
        _ presented: PresentedRefresh, scope: Scope?, audience: String?, client: Client?,
        _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let exchange = copy exchange
        do throws(RefreshFailure) {
            try RotateSession(context).begin(
                presented.token.span, scope: scope, audience: audience, client: client,
                cookies: presented.cookies, at: call.now,
                onLoop: { [exchange] in exchange.performInContext($0) }
            ) { result in
                exchange.resumeApplication { application, response in
                    application.finishRefresh(result, presented, call, &response)
                }
            }
        } catch {
            throw presented.problem(problem(error, call))
        }
        return .deferred
    }

    private func audience(_ parameters: Parameters) throws(RefreshFailure) -> String? {
        let audiences: [String]
        do throws(Problem) {
            audiences = try parameters.audiences()
        } catch {
            throw .audienceInvalid
        }
        guard audiences.count <= 1 else { throw .audienceInvalid }
        return audiences.first
    }

    /// Runs on the event loop after the rotation became durable or failed.
    private func finishRefresh(
        _ result: Result<PendingRefresh, RefreshFailure>, _ presented: PresentedRefresh, _ call: Call,
        _ response: inout Response
    ) {
        do throws(RefreshFailure) {
            let pending = try result.get()
            let (pair, isReplay) = try RotateSession(context).complete(pending)
            response.addLines(isReplay ? "Refresh-Outcome: replayed\r\n" : "Refresh-Outcome: rotated\r\n")
            logRefresh(.info, isReplay ? "refresh_replayed" : "refresh_rotated", pending.attempt, call)
            do throws(Problem) {
                let isFirst = isFirstVisit(pending, isReplay: isReplay, call)
                try deliver(pair, presented.delivery, isFirst: isFirst, call, &response)
            } catch {
                answer(error, call, &response)
            }
        } catch {
            switch (error, result) {
            case (.reused, .success(let pending)): logRefresh(.warning, "refresh_reused", pending.attempt, call)
            case (.ahead, .success(let pending)):
                logRefresh(.error, "refresh_ahead_of_journal", pending.attempt, call)
            default: break
            }
            answerRefresh(presented.problem(problem(error, call)), presented, call, &response)
        }
        finish(call, &response)
    }

    private func problem(_ failure: RefreshFailure, _ call: Call) -> Problem {
        let problem = Problem(failure)
        return call.endpoint?.policies.contains(.grantStatuses) == true ? problem.ofGrant : problem
    }

    private func logRefresh(_ level: Log.Level, _ event: StaticString, _ attempt: RefreshAttempt, _ call: Call) {
        shared.log.write(level, event) { line in
            call.add(to: &line)
            line.add("sub", attempt.claims.subject)
            line.add("sid", attempt.claims.sid)
            line.add("gen", attempt.claims.generation)
        }
    }
}
