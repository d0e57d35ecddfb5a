import Encoding
import HTTP
import JOSE
import Platform
import Revocation
import Service
import Tokens

extension Route {
    package static let verify = Route(
        "/verify", [.get, .head, .post], access: .bearer, policies: [.quiet, .onFollowers, .statesAge], content: .json,
        codes: [.requestMalformed, .unsupportedMediaType, .stale] + ProblemCode.ofPositions + ProblemCode.ofConditions
            + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .get, id: "verify", tag: "sessions",
                summary: "Verify an access token and return its claims.",
                description: """
                    Checks structure, key, signature, claims, account and denylist, from memory. The caller is a backend, so the code says why a token is rejected. A token for any configured audience is accepted unless the request names one. Conditions may be in the query or in the content, each once; an unknown or empty one gets 400.
                    """,
                security: [.bearer], parameters: Operation.conditions, answers: [.verified]),
            Operation(
                method: .post, id: "verifyContent", tag: "sessions",
                summary: "The same, with the token in the content.",
                description: "The token may be in the content or in the Authorization header, not in both.",
                security: [.bearer, .none], parameters: Operation.conditions,
                body: Operation.Body(
                    isRequired: false,
                    contents: [
                        .json(
                            .verifyRequest,
                            ("token", .map([("token", .plain("$ACCESS_TOKEN")), ("audience", .text("api"))])))
                    ]),
                answers: [.verified]),
        ]
    ) { application, request, response, _, call throws(Problem) in
        try application.verify(request, &response, call)
        return .answered
    }
}

extension Schema {
    static let verifyRequest = named(
        "VerifyRequest",
        .object(
            [.optional("token", .string.described("The access token, unless it is in the Authorization header."))]
                + conditions(claims: .object().described(Operation.claimsMeaning)), rest: .none))

    /// The conditions in the content of a request.
    static func conditions(claims: Schema) -> [Member] {
        [
            .optional("audience", .audiences), .optional("aud", .audiences.described("Another name for audience.")),
            .optional("scope", .string(lengthMin: 1)), .optional("role", .string(lengthMin: 1)),
            .optional("max_age", .integer(minimum: 0).described("Maximum time since the login in seconds.")),
            .optional("issuer", .string(lengthMin: 1)), .optional("subject", .string(lengthMin: 1)),
            .optional("client_id", .string(lengthMin: 1)),
            .optional(
                "required_claims",
                .array(of: .string(lengthMin: 1)).described("1 to 16 claims that the token must have.")),
            .optional("claims", claims),
            .wantedPosition,
            .optional(
                "max_age_of_revocations",
                .integer(minimum: 0).described("Maximum age in seconds of what the server knows about revocations.")),
        ]
    }

    /// One audience, or 1 to 16 of which the token must have one.
    static let audiences = oneOf(.string(lengthMin: 1), array(of: .string(lengthMin: 1)))

    static let verified = named(
        "Verified", .object([.required("claims", .claims)] + verifiedMembers))

    /// The members about a valid token in addition to its claims.
    static let verifiedMembers: [Member] = [
        .required("active", .boolean(constant: true)), .required("expires_in", .integer.described("Seconds.")),
        .required("kid", .string), .required("alg", .string(values: Algorithm.allCases.map(\.rawValue))),
        .required("seq", .position),
    ]

    static let claims = named(
        "Claims",
        .object(
            .required("iss", .string), .required("sub", .string), .required("aud", .oneOf(.string, .strings)),
            .optional("client_id", .string), .required("iat", .integer), .required("exp", .integer),
            .required("jti", .string), .optional("sid", .string), .optional("bsq", .integer(minimum: 0)),
            .optional("scope", .string),
            .optional("auth_time", .integer), .optional("amr", .strings), .optional("roles", .strings)))
}

extension Operation.Answer {
    static let verified = Self(
        status: 200, description: "The token is valid.", headers: [.revocationAge], content: .json(.verified))
}

extension Operation.Header {
    static let revocationAge = Self(
        name: "Revocation-Age", schema: .string(pattern: "^[0-9]+[.][0-9]{3}$"),
        description:
            "Only from a server that follows another one: how many seconds ago it knew every revocation of that server."
    )
}

extension Application {
    /// `GET` and `POST /verify`: whether an access token is valid, and its claims.
    func verify(
        _ request: borrowing Request, _ response: inout Response, _ call: Call
    ) throws(Problem) {
        var conditions = Conditions()
        let bearer = RequestTokens.bearer(request)
        if !request.query.isEmpty {
            try conditions.read(try Query(request))
            try checkFreshness(conditions)
        }
        // Conditions count in the query and in the content, with every method.
        if !request.body.isEmpty {
            let parameters = try Parameters(request, .json, known: .verify, &json)
            try conditions.read(parameters)
            try checkFreshness(conditions)
            let inBody = try RequestTokens.subject(parameters)
            switch (inBody, bearer) {
            case (let token?, .absent): return try verify(token.span, conditions, &response, call)
            case (.some, _):
                throw Problem(.requestMalformed, "Send the token once, either in the header or in the content.")
            case (nil, _): break
            }
        }
        switch bearer {
        case .absent: throw Problem(.tokenMissing)
        case .malformed: throw Problem(.requestMalformed, "The Authorization field must contain one bearer token.")
        case .at(let range): return try verify(request.bytes(range), conditions, &response, call)
        }
    }

    private func verify(
        _ token: Span<UInt8>, _ conditions: Conditions, _ response: inout Response, _ call: Call
    ) throws(Problem) {
        try check(conditions.positionMin)
        let expectations = conditions.expectations
        let verified: VerifiedToken
        do throws(VerifyFailure) {
            verified = try verifyToken.verify(token, expectations, at: call.now)
        } catch {
            throw Problem(error, expectations)
        }
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        write(verified, at: call.now, includesClaims: true, to: &response.body)
    }

    /// Appends the answer about a valid token.
    @inline(__always)
    func write(
        _ verified: VerifiedToken, at now: UnixMilliseconds, includesClaims: Bool, to output: inout [UInt8]
    ) {
        let members = keyMembers.members(verified, context.keyring)
        let expiresIn = max(0, verified.expiresAt.seconds(since: now.seconds))
        output.append(addingCapacity: verified.payload.count + members.count + 96) { output in
            output.append("{\"active\":true")
            if includesClaims {
                output.append(",\"claims\":")
                output.append(verified.payload.span)
            }
            output.append(",\"expires_in\":")
            output.append(decimal: expiresIn)
            output.append(members.span)
        }
        output.append(context.authState.revocations.position)
        output.append("}")
    }
}
