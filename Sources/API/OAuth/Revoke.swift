import Accounts
import Encoding
import HTTP
import Service
import Telemetry

extension Route {
    package static let revoke = Route(
        "/revoke", [.post], policies: .oauthErrors, content: .form,
        codes: [
            .requestMalformed, .unsupportedMediaType, .clientInvalid, .clientNotAllowed, .tooManyAttempts,
            .journalUnavailable, .storeUnavailable,
        ],
        operations: [
            Operation(
                method: .post, id: "revoke", tag: "oauth", summary: "Revoke a token (RFC 7009).",
                description: """
                    A refresh token ends its session, an access token only itself. The server answers 200 when the revocation is on stable storage, and for any token that it did not issue. A token of a registered client needs that client; a first-party token is revoked by any client that has it. An access token signed with a shared secret is revoked only if this server issued it.
                    """,
                security: [.none, .client],
                body: Operation.Body(contents: [
                    .form(.tokenForm, ("access", .map([("token", .plain("$ACCESS_TOKEN"))])))
                ]),
                answers: [
                    Operation.Answer(
                        status: 200, description: "Revoked, or nothing to revoke.",
                        headers: [Operation.Header(name: "Revocation-Seq")])
                ])
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        try application.revoke(request, &response, exchange, call)
    }
}

extension Schema {
    static let tokenForm = named(
        "TokenForm",
        .object(
            .required("token", .string), .optional("token_type_hint", .string), .optional("client_id", .string),
            .optional("client_secret", .string)))
}

extension Application {
    /// `POST /revoke` (RFC 7009): 200 once the revocation is durable, and for every token that is none of ours.
    func revoke(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try Parameters(request, .form, &json)
        let client = try client(request, parameters)
        let token = try RequestTokens.requiredSubject(parameters)
        _ = try parameters.bytes("token_type_hint")
        let target: Revocable?
        do throws(RevokeFailure) {
            target = try RevokeTokens(context).find(token.span, for: client, at: call.now)
        } catch {
            throw Problem(error)
        }
        guard let target else {
            response.addLines("Cache-Control: no-store\r\n")
            return .answered
        }
        let exchange = copy exchange
        let clientID = client?.id
        RevokeTokens(context).revoke(target) { result in
            exchange.resumeApplication { application, response in
                application.finishRevocation(result, status: 200, call, &response) { line in
                    switch target {
                    case .access(let jti, _): line.add("jti", jti)
                    case .refresh(let sid, _): line.add("sid", sid)
                    }
                    if let clientID { line.add("client_id", clientID) }
                }
            }
        }
        return .deferred
    }
}
