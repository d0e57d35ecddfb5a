import Encoding
import HTTP
import Platform
import Service
import Tokens

extension Route {
    package static let introspect = Route(
        "/introspect", [.post], access: .client, policies: .oauthErrors, content: .form,
        codes: [.requestMalformed, .unsupportedMediaType, .clientInvalid, .tooManyAttempts] + ProblemCode.ofPositions,
        operations: [
            Operation(
                method: .post, id: "introspect", tag: "oauth",
                summary: "Return the state and the claims of a token (RFC 7662).",
                description:
                    "A client sees tokens that were issued to it, and access tokens for its audiences; any other token is reported as inactive.",
                security: [.client],
                body: Operation.Body(contents: [
                    .form(.introspectForm, ("access", .map([("token", .plain("$ACCESS_TOKEN"))])))
                ]),
                answers: [
                    Operation.Answer(
                        status: 200, description: "Active with its claims, or inactive.",
                        content: .json(.introspection))
                ])
        ]
    ) { application, request, response, _, call throws(Problem) in
        try application.introspect(request, &response, call)
        return .answered
    }
}

extension Schema {
    static let introspectForm = named(
        "IntrospectForm",
        .object(
            .required("token", .string), .optional("token_type_hint", .string), .wantedPosition,
            .optional("client_id", .string), .optional("client_secret", .string)))

    static let introspection = named(
        "Introspection",
        object(
            .required("active", .boolean), .optional("username", .string), .optional("token_type", .string)
        ).described(
            "`{\"active\":false}` and nothing else for an inactive token; otherwise the token's claims (RFC 7662 section 2.2)."
        ))
}

extension Application {
    /// `POST /introspect` (RFC 7662), for authenticated clients only.
    func introspect(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let parameters = try Parameters(request, .form, &json)
        let client = try authenticatedClient(request, parameters)
        let token = try RequestTokens.requiredSubject(parameters)
        try check(try parameters.wantedPosition())
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        switch IntrospectToken(context).introspect(token.span, for: client, at: call.now) {
        case .inactive:
            response.body.append("{\"active\":false}")
        case .access(let verified, let username):
            var writer = JSONWriter()
            begin(username, &writer)
            writer.name("token_type")
            writer.string("Bearer")
            verified.writeClaims(to: &writer, using: &json) { !Self.isOurs($0) }
            writer.endObject()
            response.body.append(contentsOf: writer.bytes)
        case .refresh(let claims, let username):
            var writer = JSONWriter()
            begin(username, &writer)
            writer.name("iss")
            writer.string(context.authState.settings.issuer)
            writer.name("sub")
            writer.string(claims.subject)
            writer.name("aud")
            writer.string(context.authState.settings.issuer)
            writer.name("client_id")
            writer.string(claims.clientID)
            writer.name("scope")
            writer.string(claims.scope)
            writer.name("sid")
            writer.string(claims.sid.description)
            writer.name("iat")
            writer.integer(claims.issuedAt.count)
            writer.name("exp")
            writer.integer(claims.expiresAt.count)
            writer.endObject()
            response.body.append(contentsOf: writer.bytes)
        }
    }

    private func begin(_ username: String?, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("active")
        writer.bool(true)
        guard let username else { return }
        writer.name("username")
        writer.string(username)
    }

    /// Whether a claim is omitted because it has the name of a member that this server writes. Case is ignored, since some
    /// parsers, such as Go's, read `Active` as `active`.
    private static func isOurs(_ claim: String) -> Bool {
        ["active", "username", "token_type"].contains(claim.uppercased().lowercased())
    }
}
