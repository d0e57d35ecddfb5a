import Accounts
import Encoding
import HTTP
import Platform
import Service
import Telemetry

extension Application {
    /// `POST /login`: a username and a password for a session.
    func login(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let parameters = try Parameters(request, .either, known: .login, &json)
        let attempt = try loginAttempt(request, parameters)
        if attempt.client == nil {
            shared.loginSources.note(request.peer, at: shared.monotonic() / 1_000_000)
        }
        let exchange = copy exchange
        let who = LoginParty(attempt)
        do throws(LoginFailure) {
            try context.beginLogin(attempt, at: call.now) { verdict in
                exchange.resume { handler, response in
                    guard let application = handler as? Application else { return }
                    application.finishLogin(verdict, who, call, &response)
                }
            }
        } catch {
            logLogin("login_refused", who, call) { $0.add("code", Problem(error).code.rawValue) }
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
        let client = try client(request, parameters)
        return LoginAttempt(
            username: String(decoding: username, as: UTF8.self), password: Secret(password),
            scope: try Self.scope(parameters), audience: try parameters.text("audience"),
            client: client, source: try source(request, parameters, client))
    }

    /// What the failed logins of this attempt are counted by. All users of a backend come from the backend's address, so
    /// a client that has authenticated says itself for whom it asks, or is not limited by address.
    private func source(
        _ request: borrowing Request, _ parameters: Parameters, _ client: Client?
    ) throws(Problem) -> LoginThrottle.Source {
        let named = try parameters.name("source")
        guard let client else {
            guard named == nil else {
                throw Problem(.requestMalformed, "The member source needs client authentication.")
            }
            return .address(request.peer.sourceNumber)
        }
        guard let named else { return .client(client.id) }
        let octets = Array(named.utf8)
        guard octets.count <= 64, let address = PeerAddress(text: octets.span) else {
            throw Problem(.requestMalformed, "The member source must be an IPv4 or IPv6 address.")
        }
        return .endUser(address.sourceNumber, client: client.id)
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
        _ verdict: Result<LoginGrant, LoginFailure>, _ who: LoginParty, _ call: Call,
        _ response: inout Response
    ) {
        do throws(LoginFailure) {
            let pair = try context.openSession(try verdict.get(), at: context.authState.clock.now)
            writePair(pair, &response)
            logLogin("login_succeeded", who, call) { $0.add("sid", pair.sid.description) }
        } catch {
            let problem = Problem(error)
            logLogin("login_refused", who, call) { $0.add("code", problem.code.rawValue) }
            answer(problem, call, &response)
        }
        finish(call, &response)
    }

    /// Names only accounts that exist: people type their passwords into the wrong field, and a log is no place for one.
    private func logLogin(
        _ event: StaticString, _ who: LoginParty, _ call: Call, _ fill: (inout LogLine) -> Void
    ) {
        shared.log.write(.info, event) { line in
            call.add(to: &line)
            if let user = context.authState.users.current.user(named: who.username) {
                line.add("username", user.name)
            } else {
                line.add("unknown_username", shared.digest(of: who.username))
            }
            if let client = who.clientID { line.add("client_id", client) }
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

/// Who wanted a session, as the log tells it.
struct LoginParty: Sendable {
    /// As typed.
    let username: String
    let clientID: String?

    init(_ attempt: LoginAttempt) {
        username = attempt.username
        clientID = attempt.client?.id
    }
}
