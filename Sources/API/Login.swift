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
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("access_token")
        writer.string(utf8: pair.accessToken)
        writer.name("token_type")
        writer.string("Bearer")
        writer.name("expires_in")
        writer.integer(pair.expiresIn)
        writer.name("refresh_token")
        writer.string(utf8: pair.refreshToken)
        writer.name("refresh_expires_in")
        writer.integer(pair.refreshExpiresIn)
        writer.name("session_id")
        writer.string(pair.sid.description)
        writer.name("scope")
        writer.string(pair.scope)
        writer.endObject()
        response.body.append(contentsOf: writer.bytes)
    }
}
