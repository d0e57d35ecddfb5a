import Accounts
import Encoding
import HTTP
import Service
import Telemetry
import Tokens

extension Application {
    /// `/auth`, any method: the question a gateway asks before it lets a request through (nginx `auth_request`, Traefik and
    /// Caddy forward-auth). Answers 200, 401 or 403 and nothing else (J6); bodies are ignored.
    ///
    /// The query is the gateway's own: its conditions say what this route needs. What the gateway relays about the
    /// original request plays no part in the decision (J8).
    func auth(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        guard !Query.carriesToken(request) else { throw Problem(.tokenMissing) }
        let expectations = try gatewayExpectations(request, call)
        guard case .at(let range) = BearerToken(request) else { throw Problem(.tokenMissing) }
        let claims: VerifiedClaims
        do throws(VerifyFailure) {
            claims = try context.verify(request.octets(range), expectations, at: call.now)
        } catch {
            throw Problem(error, scopes: expectations.scopes)
        }
        response.addLines("Cache-Control: no-store\r\n")
        addIdentity(claims, &response)
    }

    /// Every identity field, each time, so that it overwrites whatever a client sent under the same name (J7).
    private func addIdentity(_ claims: VerifiedClaims, _ response: inout Response) {
        let payload = context.payload
        let subject = payload[claims.subject]
        let user = UUID(payload.span.extracting(claims.subject)).flatMap { context.users.user(id: $0) }
        response.addField("X-Auth-Subject", subject)
        response.addField("X-Auth-User", (user?.name ?? "").utf8, isAlwaysDistinct: true)
        response.addField("X-Auth-Session", (claims.sid?.description ?? "").utf8)
        response.addField("X-Auth-Client", payload[claims.clientID ?? 0..<0], isAlwaysDistinct: true)
        response.addField("X-Auth-Scope", payload[claims.scope ?? 0..<0])
        response.addField("X-Auth-Roles", context.roles.joined(separator: ",").utf8)
        response.addField("X-Auth-Expires", String(claims.expiresAt).utf8)
    }

    /// A query that is not understood admits no request: a gateway's mistake must not open the door. The answer is 403, since
    /// gateways turn 400 into 500, and the mistake is logged for the operator, who alone can correct it.
    private func gatewayExpectations(_ request: borrowing Request, _ call: Call) throws(Problem) -> VerifyExpectations {
        guard !request.query.isEmpty else { return VerifyExpectations() }
        do throws(Problem) {
            var conditions = Conditions()
            try conditions.read(try Query(request))
            return conditions.expectations
        } catch {
            let detail = error.detail ?? "The query is not understood."
            shared.log.write(.warning, "auth_condition_invalid") { line in
                call.add(to: &line)
                line.add("path", "\(Endpoint.auth.path)")
                line.add("reason", detail)
            }
            throw Problem(.conditionInvalid, detail, reason: detail)
        }
    }
}
