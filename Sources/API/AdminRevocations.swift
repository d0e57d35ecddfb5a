import HTTP
import Octets
import Revocation
import Service
import Telemetry
import Token

extension Application {
    /// `POST /admin/revocations`: an operator ends a token, a session, or everything of a subject, a client, a key or of all.
    ///
    /// Only over a Unix socket, whose file mode says who may (M5); over TCP the path does not exist.
    func adminRevocations(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        guard request.peer == .local else { throw Problem(.notFound) }
        let parameters = try Parameters(request, .json, &json)
        let order = try RevocationOrder(parameters)
        let exchange = copy exchange
        desk.carryOut(order) { result in
            exchange.resume { handler, response in
                guard let application = handler as? Application else { return }
                if case .success(let seq) = result {
                    response.addLines("Content-Type: application/json\r\n")
                    response.body.append("{\"seq\":")
                    response.body.append(decimal: Int64(clamping: seq))
                    response.body.append("}")
                }
                application.finishRevocation(result, status: 200, call, &response) { $0.add("order", "\(order)") }
            }
        }
        return .deferred
    }
}

extension RevocationOrder {
    fileprivate init(_ parameters: Parameters) throws(Problem) {
        let usage = "Name exactly one of jti, sid, sub, client_id, kid, or all: true."
        var orders: [RevocationOrder] = []
        if let text = try parameters.text("jti") {
            guard let jti = UUID(text) else { throw Problem(.requestMalformed, "jti must be a UUID.") }
            guard let expiresAt = try parameters.natural("expires_at"), NumericDate.range.contains(expiresAt) else {
                throw Problem(.requestMalformed, "jti needs expires_at: the token's own exp.")
            }
            orders.append(.token(jti, expiresAt: expiresAt))
        }
        if let text = try parameters.text("sid") {
            guard let sid = UUID(text) else { throw Problem(.requestMalformed, "sid must be a UUID.") }
            orders.append(.session(sid))
        }
        if let subject = try parameters.name("sub") { orders.append(.subject(subject)) }
        if let client = try parameters.name("client_id") { orders.append(.client(client)) }
        if let kid = try parameters.name("kid") { orders.append(.key(kid)) }
        if parameters.isTrue("all") { orders.append(.all) }
        guard orders.count == 1 else { throw Problem(.requestMalformed, usage) }
        self = orders[0]
    }
}
