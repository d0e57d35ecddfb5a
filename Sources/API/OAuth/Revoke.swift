import Accounts
import Encoding
import HTTP
import Service
import Telemetry

extension Application {
    /// `POST /revoke` (RFC 7009): 200 once the revocation is durable, and for every token that is none of ours.
    func revoke(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try Parameters(request, .form, &json)
        let client = try client(request, parameters)
        let token = try parameters.required("token")
        _ = try parameters.octets("token_type_hint")
        let target: Revocable?
        do throws(RevokeFailure) {
            target = try context.revocable(token.span, for: client, at: call.now)
        } catch {
            throw Problem(error)
        }
        guard let target else {
            response.addLines("Cache-Control: no-store\r\n")
            return .answered
        }
        let exchange = copy exchange
        context.revoke(target) { result in
            exchange.resume { handler, response in
                guard let application = handler as? Application else { return }
                application.finishRevocation(result, status: 200, call, &response) { line in
                    switch target {
                    case .access(let jti, _): line.add("jti", jti.description)
                    case .refresh(let sid, _): line.add("sid", sid.description)
                    }
                    if let client { line.add("client_id", client.id) }
                }
            }
        }
        return .deferred
    }
}
