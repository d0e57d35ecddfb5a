import Accounts
import Encoding
import HTTP
import Platform
import Revocation
import Service
import Telemetry
import Tokens

extension Route {
    package static let auth = Route(
        "/auth", .every, access: .bearer, policies: [.quiet, .ownQuery, .onFollowers, .statesAge],
        codes: [.conditionInvalid, .stale, .csrfFailed, .originNotAllowed] + ProblemCode.ofPositions
            + ProblemCode.ofConditions + ProblemCode.ofTokens,
        operations: authOperations
    ) { application, request, response, _, call throws(Problem) in
        try application.auth(request, &response, call)
        return .answered
    }

    private static let identityHeaders = [
        Operation.Header(name: "X-Auth-Subject", schema: .string),
        Operation.Header(
            name: "X-Auth-User", schema: .string,
            description: "Characters other than printable ASCII are percent-encoded."),
        Operation.Header(name: "X-Auth-Session", schema: .string),
        Operation.Header(name: "X-Auth-Client", schema: .string),
        Operation.Header(name: "X-Auth-Scope", schema: .string),
        Operation.Header(name: "X-Auth-Roles", schema: .string, description: "Comma-separated."),
        Operation.Header(name: "X-Auth-Expires", schema: .integer, description: "Seconds since 1970."),
    ]

    private static let authOperations = [Method.get, .post, .put, .patch, .delete].map { method in
        Operation(
            method: method, id: "auth" + method.rawValue.prefix(1) + method.rawValue.dropFirst().lowercased(),
            tag: "sessions",
            summary: "Decide whether a gateway may pass on a request.",
            description: """
                For nginx auth_request, Traefik and Caddy forward-auth. Answers 200, 401 or 403 to any method, ignores the content, and sets every X-Auth field each time. The gateway writes the query: an unknown, empty or repeated condition in it gets 403 and a line in the log. With MARTLET_BROWSER=on, a request without Authorization may have the access cookie; via then says where the gateway reports its client's request. With signin=field, the 401 of a navigation has X-Auth-Redirect.
                """,
            security: [.bearer, .cookie], parameters: Operation.conditions + Operation.gatewayOptions,
            answers: [
                Operation.Answer(
                    status: 200, description: "It may.",
                    headers: identityHeaders + [
                        .revocationAge,
                        Operation.Header(
                            name: "Authorization", schema: .string, description: "Only with bearer=yes: the token."),
                    ]),
                Operation.Answer(
                    status: 302,
                    description:
                        "Only with signin=redirect: where a navigation gets a session and comes back from.",
                    headers: [Operation.Header(name: "Location", schema: .string)]),
            ])
    }
}

extension Application {
    /// `/auth`, any method: a gateway asks whether it may forward a request (nginx `auth_request`, Traefik and Caddy
    /// forward-auth). The answer is 200, 401 or 403, and 302 if the gateway asks for that; content is ignored.
    ///
    /// The gateway writes the query, whose conditions say what its own route needs. What the gateway reports about the
    /// original request does not influence the decision on a bearer token; on a cookie, only its method does. No answer
    /// sets or clears a cookie: gateways lose such fields, or pass them on only at times.
    func auth(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        guard !Query.carriesToken(request) else { throw Problem(.tokenMissing) }
        let (expectations, wanted, options) = try gatewayExpectations(request, call)
        try check(wanted)
        if isPreflight(request, options, call) { return addNoIdentity(options, &response) }
        do throws(GatewayRefusal) {
            let (token, place) = try gatewayToken(request, expectations, options, call)
            response.addLines("Cache-Control: no-store\r\n")
            addIdentity(token, &response)
            if options.returnsBearer {
                response.addField("Authorization", Array("Bearer ".utf8) + request.bytes[place])
            }
        } catch {
            guard let location = signInLocation(request, options, error.remedy, call) else { throw error.problem }
            if options.signIn == .field {
                answer(error.problem, call, &response)
                response.addField("X-Auth-Redirect", location.utf8)
            } else {
                response.status = 302
                response.addField("Location", location.utf8)
                response.addLines("Cache-Control: no-store\r\n")
            }
        }
    }

    /// The answer to a preflight: each field is there, so that it overwrites one of the client.
    private func addNoIdentity(_ options: GatewayOptions, _ response: inout Response) {
        response.addLines(
            """
            Cache-Control: no-store\r
            X-Auth-Subject: \r
            X-Auth-User: \r
            X-Auth-Session: \r
            X-Auth-Client: \r
            X-Auth-Scope: \r
            X-Auth-Roles: \r
            X-Auth-Expires: \r

            """)
        if options.returnsBearer { response.addLines("Authorization: \r\n") }
    }

    /// Writes every identity field in every answer, so that it overwrites a field of the same name from the client.
    private func addIdentity(_ token: VerifiedToken, _ response: inout Response) {
        let payload = token.payload
        let subject = payload[token.subject]
        let user = UUID(payload.span.extracting(token.subject)).flatMap { context.accounts.name(of: $0) }
        response.addField("X-Auth-Subject", subject)
        response.addField("X-Auth-User", (user ?? "").utf8, isAlwaysDistinct: true)
        response.addField("X-Auth-Session", (token.sid?.description ?? "").utf8)
        response.addField("X-Auth-Client", payload[token.clientID ?? 0..<0], isAlwaysDistinct: true)
        response.addField("X-Auth-Scope", payload[token.scope ?? 0..<0])
        response.addField("X-Auth-Roles", token.roles(using: &json).joined(separator: ",").utf8)
        response.addField("X-Auth-Expires", String(token.expiresAt.count).utf8)
    }

    /// Rejects a query that is not understood: a mistake in a gateway's configuration must not admit requests. The answer is
    /// 403, since gateways turn 400 into 500. The log names the mistake, since only the operator can correct it.
    private func gatewayExpectations(
        _ request: borrowing Request, _ call: Call
    ) throws(Problem) -> (VerifyExpectations, WantedPosition?, GatewayOptions) {
        guard !request.query.isEmpty else { return (VerifyExpectations(), nil, GatewayOptions()) }
        let found: (conditions: Conditions, options: GatewayOptions)
        do throws(Problem) {
            var query = try Query(request)
            let options = try shared.browser == nil ? GatewayOptions() : GatewayOptions(takenFrom: &query)
            var conditions = Conditions()
            try conditions.read(query)
            found = (conditions, options)
        } catch {
            let detail = error.detail ?? "The query is invalid."
            shared.log.write(.warning, "auth_condition_invalid") { line in
                call.add(to: &line)
                line.add("path", call.path)
                line.add("reason", detail)
            }
            throw Problem(.conditionInvalid, detail, reason: detail)
        }
        try checkFreshness(found.conditions)
        return (found.conditions.expectations, found.conditions.positionMin, found.options)
    }
}
