import Encoding
import HTTP
import Platform
import Service
import Tokens

extension Route {
    package static let session = Route(
        "/session", [.get, .head], access: .browser, policies: [.quiet, .crossOrigin, .onFollowers, .statesAge],
        codes: [.requestMalformed, .stale] + ProblemCode.ofCookies + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .get, id: "session", tag: "sessions", summary: "Who is signed in.",
                description: """
                    Only in browser mode (MARTLET_BROWSER=on). A page asks here what it may show, because no script can read the cookies. A bearer token in the Authorization field decides alone where there is one.
                    """,
                security: [.cookie, .bearer],
                answers: [Operation.Answer(status: 200, description: "The session.", content: .json(.session))])
        ]
    ) { application, request, response, _, call throws(Problem) in
        try application.session(request, &response, call)
        return .answered
    }
}

extension Schema {
    static let session = named(
        "Session",
        object(
            .required("subject", .string), .required("username", .string), .required("session_id", .uuid),
            .required("scope", .string), .required("roles", .strings),
            .required("auth_time", .integer.described("When the user last entered the password.")),
            .required("amr", .strings),
            .required("expires_in", .integer.described("Seconds until the access token expires.")),
            .required("refresh_expires_in", .refreshExpiresIn)))
}

extension Application {
    /// `GET /session`: who is signed in, by cookie or bearer token.
    func session(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        try Query.refuseAny(request)
        let range: Range<Int>
        switch RequestTokens.bearer(request) {
        case .at(let found): range = found
        case .malformed: throw Problem(.tokenMalformed)
        case .absent: range = try accessCookie(request, isReading: true)
        }
        let token: VerifiedToken
        do throws(VerifyFailure) {
            token = try verifyToken.verify(request.bytes(range), VerifyExpectations(), at: call.now)
        } catch {
            throw Problem(error)
        }
        // A client's own token belongs to no session.
        guard let sid = token.sid else { throw Problem(.claimMissing) }
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        write(token, sid, call, &response)
    }

    private func write(_ token: VerifiedToken, _ sid: UUID, _ call: Call, _ response: inout Response) {
        let settings = context.authState.settings
        let now = call.now.seconds
        let authTime = token.authTime ?? token.issuedAt
        // Tokens of a session are issued together, so the refresh token is as old as this one.
        let refreshEnd = min(
            token.issuedAt.adding(seconds: settings.refreshIdle), authTime.adding(seconds: settings.sessionMax))
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("subject")
        writer.string(utf8: token.payload.span.extracting(token.subject))
        writer.name("username")
        let user = UUID(token.payload.span.extracting(token.subject))
        writer.string(user.flatMap { context.accounts.name(of: $0) } ?? "")
        writer.name("session_id")
        writer.string(sid.description)
        writer.name("scope")
        writer.string(token.text(token.scope))
        for (name, values) in [("roles", token.roles(using: &json)), ("amr", token.methods(using: &json))] {
            writer.name(name)
            writer.beginArray()
            for value in values { writer.string(value) }
            writer.endArray()
        }
        writer.name("auth_time")
        writer.integer(authTime.count)
        writer.name("expires_in")
        writer.integer(max(0, token.expiresAt.seconds(since: now)))
        writer.name("refresh_expires_in")
        writer.integer(max(0, refreshEnd.seconds(since: now)))
        writer.endObject()
        response.body.append(contentsOf: writer.bytes)
    }
}
