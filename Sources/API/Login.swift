import HTTP
import Octets
import Service
import Telemetry

extension Application {
    /// `POST /login`: a username and a password for a session.
    func login(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try Parameters(request, .either, &json)
        let attempt = try loginAttempt(request, parameters)
        let exchange = copy exchange
        let username = attempt.username
        do throws(LoginFailure) {
            try desk.beginLogin(attempt, at: call.now) { verdict in
                exchange.resume { handler, response in
                    guard let application = handler as? Application else { return }
                    application.finishLogin(verdict, username, call, &response)
                }
            }
        } catch {
            logLogin("login_refused", username, call) { $0.add("code", Problem(error).code.rawValue) }
            throw Problem(error)
        }
        return .deferred
    }

    private func loginAttempt(_ request: borrowing Request, _ parameters: Parameters) throws(Problem) -> LoginAttempt {
        let username = try parameters.required("username")
        let password = try parameters.octets("password") ?? []
        guard LoginAttempt.passwordByteCounts.contains(password.count) else {
            throw Problem(.requestMalformed, "A password has 1 to 1024 octets.")
        }
        guard username.count <= 128 else { throw Problem(.requestMalformed, "A username has at most 128 octets.") }
        guard try parameters.text("mode") ?? "body" == "body" else {
            throw Problem(.requestMalformed, "The one mode offered is body.")
        }
        return LoginAttempt(
            username: String(decoding: username, as: UTF8.self), password: Secret(password),
            scope: try Self.scope(parameters), audience: try parameters.text("audience"),
            client: try client(request, parameters), source: request.peer.sourceNumber)
    }

    static func scope(_ parameters: Parameters) throws(Problem) -> Scope? {
        guard let text = try parameters.text("scope") else { return nil }
        guard let scope = Scope(text) else {
            throw Problem(.scopeInvalid, "scope must be scope tokens, one space apart.")
        }
        return scope
    }

    /// Runs on the loop again, once the password was hashed.
    private func finishLogin(
        _ verdict: Result<LoginGrant, LoginFailure>, _ username: String, _ call: Call,
        _ response: inout Response
    ) {
        do throws(LoginFailure) {
            let pair = try desk.openSession(try verdict.get(), at: desk.realm.clock.now)
            writePair(pair, &response)
            logLogin("login_succeeded", username, call) { $0.add("sid", pair.sid.description) }
        } catch {
            let problem = Problem(error)
            logLogin("login_refused", username, call) { $0.add("code", problem.code.rawValue) }
            answer(problem, call, &response)
        }
        finish(call, &response)
    }

    private func logLogin(
        _ event: StaticString, _ username: String, _ call: Call, _ fill: (inout LogLine) -> Void
    ) {
        shared.log.write(.info, event) { line in
            call.add(to: &line)
            line.add("username", username)
            fill(&line)
        }
    }

    /// RFC 6749 §5.1, and the refresh token's own end.
    func writePair(_ pair: TokenPair, _ response: inout Response) {
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        var scope = JSONWriter()
        scope.string(pair.scope)
        // Tokens and identifiers hold nothing that JSON would have to escape.
        response.body.append("{\"access_token\":\"")
        response.body.append(contentsOf: pair.accessToken)
        response.body.append("\",\"token_type\":\"Bearer\",\"expires_in\":")
        response.body.append(decimal: pair.expiresIn)
        response.body.append(",\"refresh_token\":\"")
        response.body.append(contentsOf: pair.refreshToken)
        response.body.append("\",\"refresh_expires_in\":")
        response.body.append(decimal: pair.refreshExpiresIn)
        response.body.append(",\"session_id\":\"")
        pair.sid.write(to: &response.body)
        response.body.append("\",\"scope\":")
        response.body.append(contentsOf: scope.bytes)
        response.body.append("}")
    }
}
