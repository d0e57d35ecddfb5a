import Accounts
import HTTP
import Octets
import Service
import Token

extension Application {
    /// `/auth`, any method: the question a gateway asks before it lets a request through (nginx `auth_request`, Traefik and
    /// Caddy forward-auth). Answers 200, 401 or 403 and nothing else (J6); bodies are ignored.
    ///
    /// The query is the gateway's own: `aud`, `scope` and `role` say what this route needs. What the gateway relays about the
    /// original request plays no part in the decision (J8).
    func auth(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let expectations = try gatewayExpectations(request)
        guard !Query.carriesToken(request), case .at(let range) = BearerToken(request) else {
            throw Problem(.tokenMissing)
        }
        let claims: VerifiedClaims
        do throws(VerifyFailure) {
            claims = try desk.verify(request.octets(range), expectations, at: call.now)
        } catch {
            throw Problem(error, scopes: expectations.scopes)
        }
        response.addLines("Cache-Control: no-store\r\n")
        addIdentity(claims, &response)
    }

    /// Every identity field, each time, so that it overwrites whatever a client sent under the same name (J7).
    private func addIdentity(_ claims: VerifiedClaims, _ response: inout Response) {
        let payload = desk.payload
        let subject = payload[claims.subject]
        let user = UUID(payload.span.extracting(claims.subject)).flatMap { desk.users.user(id: $0) }
        response.addField("X-Auth-Subject", subject)
        response.addField("X-Auth-User", (user?.name ?? "").utf8, isAlwaysDistinct: true)
        response.addField("X-Auth-Session", (claims.sid?.description ?? "").utf8)
        response.addField("X-Auth-Client", payload[claims.clientID ?? 0..<0], isAlwaysDistinct: true)
        response.addField("X-Auth-Scope", payload[claims.scope ?? 0..<0])
        response.addField("X-Auth-Roles", desk.roles.joined(separator: ",").utf8)
        response.addField("X-Auth-Expires", String(claims.expiresAt).utf8)
    }

    /// A query that cannot be read admits nobody: a gateway's mistake must not open the door.
    private func gatewayExpectations(_ request: borrowing Request) throws(Problem) -> VerifyExpectations {
        var expectations = VerifyExpectations()
        do throws(Problem) {
            let query = try Query(request)
            expectations.audience = try query.text("aud").map { .anyOf([Array($0.utf8)]) }
            expectations.scopes = try VerifyExpectations.words(try query.text("scope"))
            expectations.roles = try query.text("role").map { $0.split(separator: " ").map(String.init) } ?? []
        } catch {
            throw Problem(.tokenMissing, reason: "the gateway's query is not understood: \(error.detail ?? "")")
        }
        return expectations
    }
}
