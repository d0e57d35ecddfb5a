import Encoding
import HTTP
import Platform
import Revocation
import Service
import Telemetry

extension Route {
    package static let sessions = Route(
        "/sessions", [.get, .head], access: .bearer, policies: .crossOrigin,
        codes: [.requestMalformed, .notEnabled] + ProblemCode.ofCookies + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .get, id: "listSessions", tag: "sessions", summary: "List the user's sessions.",
                description: """
                    The live sessions of the access token's user, the newest first, at most 1000. Only sessions are listed \
                    that began while MARTLET_SESSIONS was on; while it is off, the answer is 404. An access token that is \
                    signed with a shared secret is accepted only if this server issued it. With MARTLET_BROWSER=on, a request \
                    without Authorization may have the access cookie.
                    """,
                security: [.bearer, .cookie],
                answers: [
                    Operation.Answer(status: 200, description: "The sessions.", content: .json(.sessionList))
                ])
        ]
    ) { application, request, response, _, call throws(Problem) in
        try application.listSessions(request, &response, call)
        return .answered
    }

    package static let listedSession = Route(
        "/sessions/{sid}", [.delete], access: .bearer, policies: .crossOrigin,
        codes: [.requestMalformed, .notEnabled, .notFound, .journalUnavailable, .storeUnavailable]
            + ProblemCode.ofCookies
            + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .delete, id: "endSession", tag: "sessions", summary: "End one of the user's sessions.",
                description: """
                    Ends a session that GET /sessions lists, as /logout does. The answer to an unknown session and to one of \
                    another user is the same.
                    """,
                security: [.bearer, .cookie],
                parameters: [
                    Operation.Parameter(
                        name: "sid", place: "path", schema: .uuid, description: "A session_id of the list.")
                ],
                answers: [
                    Operation.Answer(
                        status: 204, description: "The session has ended, and this is on stable storage.",
                        headers: [Operation.Header(name: "Revocation-Seq")])
                ])
        ]
    ) { application, request, _, exchange, call throws(Problem) in
        try application.endSession(request, exchange, call)
    }
}

extension Schema {
    static let sessionList = named(
        "SessionList", .object(.required("sessions", .array(of: listedSession)), rest: .none))

    private static let listedSession = named(
        "ListedSession",
        .object(
            .required("session_id", .uuid),
            .required("current", .boolean.described("Whether the access token belongs to this session.")),
            .required("device", .string.orNull.described("What the client called the device at the login.")),
            .required(
                "client_id",
                .string.orNull.described("Null only for a client with a very long id that was removed.")),
            .required("address", .string.orNull.described("The IP address of the login, if it is known.")),
            .required("created_at", .integer.described("Seconds since 1970.")),
            .required(
                "last_used_at", .integer.described("When the session was last refreshed, or began; seconds since 1970.")
            ),
            .required(
                "expires_at",
                .integer.described("When the session ends unless it is refreshed again; seconds since 1970.")),
            rest: .none))
}

extension Application {
    /// `GET /sessions`: the live sessions of the token's user.
    func listSessions(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        try Query.refuseAny(request)
        let asker = try sessionOfCaller(request, isReading: true, call)
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("sessions")
        writer.beginArray()
        let list = ListSessions(context)
        for session in list.list(for: asker, at: call.now) {
            write(session, of: list.clientID(of: session), isCurrent: session.entry.sid == asker.sid, to: &writer)
        }
        writer.endArray()
        writer.endObject()
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        response.body.append(contentsOf: writer.bytes)
    }

    /// `DELETE /sessions/{sid}`: ends one session of the token's user.
    func endSession(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let asker = try sessionOfCaller(request, isReading: false, call)
        guard let named = call.parameters?["sid"], let sid = UUID(named.span) else {
            throw Problem(SessionListFailure.unknownSession)
        }
        try endListed(sid, of: asker, status: 204, exchange, call) { _, _ in }
        return .deferred
    }

    /// Ends a listed session for `/sessions` or for a page, and answers when that is durable.
    ///
    /// - Parameter succeed: adds to the answer of a success.
    func endListed(
        _ sid: UUID, of asker: LogoutSession, status: UInt16, _ exchange: borrowing Exchange, _ call: Call,
        _ succeed: @escaping @Sendable (Application, inout Response) -> Void
    ) throws(Problem) {
        let exchange = copy exchange
        do throws(SessionListFailure) {
            try ListSessions(context).end(sid, for: asker, at: call.now) { result in
                exchange.resumeApplication { application, response in
                    succeed(application, &response)
                    application.finishRevocation(result, status: status, call, &response) { line in
                        line.add("sub", asker.subject)
                        line.add("sid", sid)
                    }
                }
            }
        } catch {
            throw Problem(error)
        }
    }

    private func sessionOfCaller(
        _ request: borrowing Request, isReading: Bool, _ call: Call
    ) throws(Problem) -> LogoutSession {
        let list = ListSessions(context)
        do throws(SessionListFailure) {
            try list.checkEnabled()
        } catch {
            throw Problem(error)
        }
        let range: Range<Int>
        switch RequestTokens.bearer(request) {
        case .absent: range = try accessCookie(request, isReading: isReading)
        case .malformed:
            throw Problem(.requestMalformed, "The Authorization field must contain one bearer token.")
        case .at(let found): range = found
        }
        do throws(SessionListFailure) {
            return try list.session(of: request.bytes(range), at: call.now)
        } catch {
            throw Problem(error)
        }
    }

    private func write(
        _ session: ListedSession, of clientID: String?, isCurrent: Bool, to writer: inout JSONWriter
    ) {
        func member(_ name: StaticString, _ value: String?) {
            writer.name(name)
            if let value { writer.string(value) } else { writer.null() }
        }
        func member(_ name: StaticString, at time: UnixMilliseconds) {
            writer.name(name)
            writer.integer(time.seconds.count)
        }
        writer.beginObject()
        member("session_id", session.entry.sid.description)
        writer.name("current")
        writer.bool(isCurrent)
        member("device", session.entry.device)
        member("client_id", clientID)
        member("address", session.entry.address.map { PeerAddress($0).description })
        member("created_at", at: session.entry.sid.milliseconds)
        member("last_used_at", at: session.lastUsedAt)
        member("expires_at", at: session.expiresAt)
        writer.endObject()
    }
}
