import Accounts
import Encoding
import HTTP
import Service
import Telemetry

extension Grant {
    /// RFC 6749 §4.4.
    static let clientCredentials = Grant(type: .clientCredentials) {
        application, request, parameters, response, _, call throws(Problem) in
        TokenAnswer.write(try application.clientToken(request, parameters, call), to: &response)
        return .answered
    }
}

extension Application {
    /// An access token for the client that authenticates. There is no refresh token (RFC 6749 §4.4.3).
    func clientToken(
        _ request: borrowing Request, _ parameters: Parameters, _ call: Call
    ) throws(Problem) -> ClientToken {
        let client = try authenticatedClient(request, parameters)
        guard try RequestTokens.refresh(parameters) == nil else {
            throw Problem(.requestMalformed, "This grant takes no refresh_token.")
        }
        let scope = try parameters.scope()
        if let scope, try parameters.text("scope")?.split(separator: " ").count != scope.names.count {
            throw Problem(.scopeInvalid, "scope names a value twice.")
        }
        let audiences = try parameters.audiences()
        let issued: ClientToken
        do throws(ClientTokenFailure) {
            issued = try IssueClientToken(context).issue(to: client, scope: scope, audiences: audiences, at: call.now)
        } catch {
            throw Problem(error)
        }
        shared.log.write(.info, "client_token_issued") { line in
            call.add(to: &line)
            line.add("client_id", client.id)
            line.add("jti", issued.jti)
        }
        return issued
    }
}

extension Schema {
    /// What the grants of `/token` take, together.
    static let grant = named(
        "TokenRequest",
        .object(
            .required("grant_type", .string(values: GrantType.allCases.map(\.rawValue))),
            .optional("refresh_token", .string.described("For refresh_token; the other grants reject it.")),
            .optional(
                "scope",
                .string.described(
                    "refresh_token: within the session's; otherwise default all. client_credentials: within the client's; session grant: within the user's and the client's."
                )),
            .optional("audience", .string.described("One of the audiences that the client may use.")),
            .optional(
                "resource",
                .array(of: .string).described(
                    "Audiences that are absolute URIs (RFC 8707); only client_credentials takes several.")),
            .optional(
                "sub",
                .string(lengthMin: 1, lengthMax: 128).described("urn:martlet:grant-type:session: this or username.")),
            .optional("username", .string.described("urn:martlet:grant-type:session: a user of this server.")),
            .optional("amr", .string.described("How the user authenticated: up to 8 names, one space apart.")),
            .optional(
                "auth_time", .integer.described("When the user authenticated, in seconds since 1970; default: now.")),
            .optional("device", .string(lengthMin: 1, lengthMax: 40).described("As at /login.")),
            .optional(
                "source",
                .string(lengthMax: 64).described(
                    "urn:martlet:grant-type:session: the end user's address, for the list of sessions.")),
            .optional("client_id", .string), .optional("client_secret", .string)))

    static let grantedTokens = named(
        "GrantedTokens",
        .object(
            .required("access_token", .string), .required("token_type", .string(constant: "Bearer")),
            .required("expires_in", .integer.described("Seconds.")), .required("scope", .string),
            .optional("refresh_token", .string.described("Of a session only, as the members below.")),
            .optional("refresh_expires_in", .integer.described("Seconds.")), .optional("session_id", .uuid)))
}

extension Operation.Answer {
    static let granted = Self(
        status: 200,
        description: "The tokens. Those of a session are sent once the rotation is on stable storage.",
        headers: [
            Operation.Header(
                name: "Refresh-Outcome", schema: .string(values: ["rotated", "replayed"]),
                description: "For refresh_token only.")
        ],
        content: .json(.grantedTokens))
}
