import Encoding
import HTTP
import Revocation
import Service
import Telemetry

extension Route {
    package static let logout = Route(
        "/logout", [.post], access: .bearer, policies: [.oauthErrors, .crossOrigin], content: .either,
        codes: [
            .requestMalformed, .unsupportedMediaType, .journalUnavailable, .storeUnavailable, .refreshInvalid,
            .refreshExpired,
            .refreshIdle,
        ] + ProblemCode.ofCookies + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .post, id: "logout", tag: "sessions",
                summary: "End this session, the user's other sessions, or all of them.",
                description:
                    "With the access token in the Authorization header or a refresh token in the content. If both are sent, one that is valid is enough; two valid ones must belong to one session. An access token signed with a shared secret ends sessions only if this server issued it. With MARTLET_BROWSER=on, a request with neither uses the cookies and clears them; an access cookie that has expired still ends its own session.",
                security: [.bearer, .cookie, .none],
                body: Operation.Body(
                    isRequired: false,
                    contents: [
                        .json(
                            .logout,
                            (
                                "everywhere",
                                .map([("refresh_token", .plain("$REFRESH_TOKEN")), ("scope", .text("global"))])
                            )),
                        .form(.logout),
                    ]),
                answers: [
                    Operation.Answer(
                        status: 204, description: "The sessions have ended, and this is on stable storage.",
                        headers: [Operation.Header(name: "Revocation-Seq"), Operation.cookieHeader])
                ])
        ]
    ) { application, request, _, exchange, call throws(Problem) in
        try application.logout(request, exchange, call)
    }
}

extension Schema {
    static let logout = named(
        "Logout",
        .object(
            .optional("refresh_token", .string),
            .optional("scope", .string(values: ["local", "others", "global"]).defaulting(to: "local")), rest: .none))
}

extension Application {
    /// `POST /logout`: ends this session, the other sessions of the subject, or all of them.
    func logout(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let parameters = try Parameters(request, .either, known: .logout, &json)
        if case .nothing = parameters.given("scope") { throw Problem(.requestMalformed, "The member scope is empty.") }
        let named = try parameters.text("scope") ?? LogoutReach.local.rawValue
        guard let reach = LogoutReach(rawValue: named) else {
            throw Problem(.requestMalformed, "scope must be local, others or global.")
        }
        let isByToken = parameters.isPresent("refresh_token")
        let ofCookies = isByToken ? nil : try logoutSession(ofCookies: request, reach, call)
        let session =
            if let ofCookies { ofCookies } else { try logoutSession(request, parameters, reach, call) }
        let clearsCookies = ofCookies != nil && reach != .others
        try end(session, reach, status: 204, exchange, call) { application, response in
            if clearsCookies { application.clearCookies(of: session, &response) }
        }
        return .deferred
    }

    /// Ends sessions for `/logout` or for a page, and answers when that is durable.
    ///
    /// - Parameter succeed: adds to the answer of a success. A failure replaces the whole answer, so the browser keeps its
    ///   cookies.
    func end(
        _ session: LogoutSession, _ reach: LogoutReach, status: UInt16, _ exchange: borrowing Exchange, _ call: Call,
        _ succeed: @escaping @Sendable (Application, inout Response) -> Void
    ) throws(Problem) {
        let exchange = copy exchange
        do throws(LogoutFailure) {
            try EndSessions(context).end(session, reach) { result in
                exchange.resumeApplication { application, response in
                    succeed(application, &response)
                    application.finishRevocation(result, status: status, call, &response) { line in
                        line.add("reach", reach.rawValue)
                        if !session.subject.isEmpty { line.add("sub", session.subject) }
                        line.add("sid", session.sid)
                    }
                }
            }
        } catch {
            throw Problem(error)
        }
    }

    /// The session that the tokens of the request prove. One valid token is enough: a second token that is expired, revoked
    /// or malformed does not prevent the logout.
    private func logoutSession(
        _ request: borrowing Request, _ parameters: Parameters, _ reach: LogoutReach, _ call: Call
    ) throws(Problem) -> LogoutSession {
        let refresh = try RequestTokens.refresh(parameters)
        let ofRefresh: Result<LogoutSession, LogoutFailure>? = refresh.map { token in
            Result { () throws(LogoutFailure) in
                try EndSessions(context).session(ofRefresh: token.span, for: reach, at: call.now)
            }
        }
        let ofAccess: Result<LogoutSession, LogoutFailure>?
        switch RequestTokens.bearer(request) {
        case .absent: ofAccess = nil
        case .malformed:
            guard case .success = ofRefresh else {
                throw Problem(.requestMalformed, "The Authorization field must contain one bearer token.")
            }
            ofAccess = nil
        case .at(let range):
            do throws(LogoutFailure) {
                ofAccess = .success(try EndSessions(context).session(ofAccess: request.bytes(range), at: call.now))
            } catch {
                ofAccess = .failure(error)
            }
        }
        switch (ofRefresh, ofAccess) {
        case (.success(let one), .success(let other)):
            guard one.sid == other.sid else { throw Problem(LogoutFailure.sessionUnclear) }
            return one
        case (.success(let session), _), (_, .success(let session)): return session
        case (.failure(let failure), _), (nil, .failure(let failure)): throw Problem(failure)
        case (nil, nil): throw Problem(.tokenMissing)
        }
    }
}
