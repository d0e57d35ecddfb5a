import Accounts
import Encoding
import HTTP
import Platform
import Revocation
import Service
import Telemetry

extension Route {
    package static let login = Route(
        "/login", [.post], policies: [.oauthErrors, .limitedByAddress, .crossOrigin], content: .either,
        codes: [
            .requestMalformed, .scopeInvalid, .audienceInvalid, .invalidCredentials, .clientInvalid,
            .unsupportedMediaType, .tooManyAttempts, .hashingSaturated, .journalUnavailable, .storeUnavailable,
            .signingUnavailable,
        ] + ProblemCode.ofPositions + ProblemCode.ofCookies,
        operations: [
            Operation(
                method: .post, id: "login", tag: "sessions", summary: "Begin a session.",
                description: """
                    First-party logins only; OAuth clients never see a password. Unknown users, wrong passwords and disabled accounts get the same answer in the same time. A client may authenticate as well; the session then belongs to that client. With MARTLET_BROWSER=on, a request with Origin or Sec-Fetch-Site gets its session in cookies, and the content has no token.
                    """,
                security: [.none, .client],
                body: Operation.Body(contents: [
                    .json(
                        .login,
                        (
                            "plain",
                            .map([("username", .text("ana")), ("password", .text("correct horse battery staple"))])
                        )),
                    .form(.login),
                ]),
                answers: [
                    Operation.Answer(
                        status: 200, description: "The session's first tokens.", headers: [Operation.cookieHeader],
                        content: .json(.deliveredTokens))
                ])
        ]
    ) { application, request, _, exchange, call throws(Problem) in
        try application.login(request, exchange, call)
    }
}

extension Schema {
    static let login = named(
        "Login",
        .object(
            .required("username", .string(lengthMin: 1, lengthMax: 128)),
            .required(
                "password",
                .string(lengthMin: 1, lengthMax: 1_024).described("1 to 1024 bytes, used as received.")),
            .optional(
                "scope", .string.described("Scopes, separated by single spaces; default: all scopes of the user.")),
            .optional("audience", .string.described("One of MARTLET_AUDIENCE; default: the first.")),
            .optional("resource", .string.described("As audience, if that is a URI (RFC 8707).")),
            .optional(
                "mode",
                .string(values: ["body", "cookie", "access"]).described(
                    "Where the tokens go. cookie needs MARTLET_BROWSER=on and is then the default for browsers. access, which also needs MARTLET_BROWSER_TOKENS=on, is as cookie, and the content has an access token for audience."
                )),
            .optional(
                "remember",
                .boolean().described(
                    "Whether the cookies outlive the browser. Only with cookies; default: true.")
            ),
            .optional(
                "device",
                .string(lengthMin: 1, lengthMax: 40).described(
                    "What the device is called in a list of sessions: 1 to 40 bytes of printable text.")),
            .optional(
                "device_token",
                .string.described(
                    "The token that this device got at its last login. It proves no password: guesses by others then do not delay this login. One that is not valid for this user is ignored."
                )),
            .optional(
                "source",
                .string(lengthMax: 64).described(
                    "The end user's IPv4 or IPv6 address, by which failed logins are limited; from authenticated clients only."
                )),
            .wantedPosition, .optional("client_id", .string), .optional("client_secret", .string)))
}

extension Application {
    /// `POST /login`: exchanges a username and a password for a session.
    func login(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let known: MemberNames = shared.browser == nil ? .login : .browserLogin
        let parameters = try Parameters(request, .either, known: known, &json)
        try check(try parameters.wantedPosition())
        let attempt = try loginAttempt(request, parameters)
        let delivery = try loginDelivery(request, parameters, attempt.client)
        return try beginLogin(attempt, delivery, request, exchange, call)
    }

    /// Begins a login of `/login` or of the page for signing in.
    func beginLogin(
        _ attempt: LoginAttempt, _ delivery: TokenDelivery, _ request: borrowing Request,
        _ exchange: borrowing Exchange,
        _ call: Call
    ) throws(Problem) -> Disposition {
        var attempt = attempt
        attempt.replacedSession = replacedSession(request, delivery)
        applyCookies(request, delivery, to: &attempt)
        if attempt.client == nil {
            shared.loginSources.note(request.peer, at: shared.monotonic() / 1_000_000)
        }
        let exchange = copy exchange
        let who = LoginParty(attempt)
        do throws(LoginFailure) {
            try OpenSession(context).begin(attempt, at: call.now) { verdict in
                exchange.performInApplication { $0.openLogin(verdict, who, delivery, exchange, call) }
            }
        } catch {
            logLogin("login_refused", who, call) { $0.add("code", Problem(error).code.rawValue) }
            throw Problem(error)
        }
        return .deferred
    }

    private func loginAttempt(_ request: borrowing Request, _ parameters: Parameters) throws(Problem) -> LoginAttempt {
        let username = try parameters.required("username")
        let password = try parameters.bytes("password") ?? []
        guard LoginAttempt.passwordByteCounts.contains(password.count) else {
            throw Problem(.requestMalformed, "A password must have 1 to 1024 bytes.")
        }
        guard username.count <= 128 else { throw Problem(.requestMalformed, "A username must have at most 128 bytes.") }
        let client = try client(request, parameters)
        return LoginAttempt(
            username: String(decoding: username, as: UTF8.self), password: Secret(password),
            scope: try parameters.scope(), audience: try sessionAudience(parameters),
            client: client, source: try source(request, parameters, client), device: try deviceLabel(parameters),
            deviceToken: try RequestTokens.device(parameters), address: try address(request, parameters, client))
    }

    /// The end user's address, as far as it is known: an authenticated client's own address is not its user's.
    func address(
        _ request: borrowing Request, _ parameters: Parameters, _ client: Client?
    ) throws(Problem) -> SessionEntry.Address? {
        guard client != nil else { return SessionEntry.Address(request.peer) }
        return try endUserAddress(parameters).flatMap { SessionEntry.Address($0) }
    }

    func deviceLabel(_ parameters: Parameters) throws(Problem) -> DeviceLabel? {
        guard let bytes = try parameters.bytes("device") else { return nil }
        guard let label = DeviceLabel(utf8: bytes) else {
            throw Problem(.requestMalformed, "The member device must have \(DeviceLabel.expected).")
        }
        return label
    }

    /// A session has one audience.
    func sessionAudience(_ parameters: Parameters) throws(Problem) -> String? {
        let audiences = try parameters.audiences()
        guard audiences.count <= 1 else { throw Problem(.audienceInvalid, "A session has one audience.") }
        return audiences.first
    }

    /// The source that failed logins of this attempt are counted for. All users of a backend share the backend's address, so
    /// an authenticated client may name the address of its user. If it does not, it is not limited by address.
    func source(
        _ request: borrowing Request, _ parameters: Parameters, _ client: Client?
    ) throws(Problem) -> LoginThrottle.Source {
        let named = try endUserAddress(parameters)
        guard let client else {
            guard named == nil else {
                throw Problem(.requestMalformed, "The member source needs client authentication.")
            }
            return .address(request.peer.sourceNumber)
        }
        guard let named else { return .client(client.id) }
        return .endUser(named.sourceNumber, client: client.id)
    }

    private func endUserAddress(_ parameters: Parameters) throws(Problem) -> PeerAddress? {
        guard let named = try parameters.name("source") else { return nil }
        let bytes = Array(named.utf8)
        guard bytes.count <= 64, let address = PeerAddress(text: bytes.span) else {
            throw Problem(.requestMalformed, "The member source must be an IPv4 or IPv6 address.")
        }
        return address
    }

    /// Runs on the event loop after the password was hashed: checks what is left to check, then records the session.
    private func openLogin(
        _ verdict: Result<LoginGrant, LoginFailure>, _ who: LoginParty, _ delivery: TokenDelivery,
        _ exchange: Exchange, _ call: Call
    ) {
        let finish: @Sendable (Result<OpenedSession, LoginFailure>) -> Void = { result in
            exchange.resumeApplication { application, response in
                application.finishLogin(result, who, delivery, call, &response)
            }
        }
        do throws(LoginFailure) {
            let now = context.authState.clock.now
            try OpenSession(context).open(
                try verdict.get(), at: now,
                check: { pair throws(LoginFailure) in try checkDelivery(pair, delivery, call) }, then: finish)
        } catch {
            finish(.failure(error))
        }
    }

    /// Runs on the event loop after the session was recorded, or was not.
    private func finishLogin(
        _ result: Result<OpenedSession, LoginFailure>, _ who: LoginParty, _ delivery: TokenDelivery, _ call: Call,
        _ response: inout Response
    ) {
        do throws(Problem) {
            let pair = try completeLogin(result)
            try deliver(pair, delivery, call, &response)
            logLogin("login_succeeded", who, call) { $0.add("sid", pair.sid) }
        } catch {
            logLogin("login_refused", who, call) { $0.add("code", error.code.rawValue) }
            if case .cookies(_, _, .page(let form)) = delivery {
                answer(error, form, call, &response)
            } else {
                answer(error, call, &response)
            }
        }
        finish(call, &response)
    }

    private func completeLogin(_ result: Result<OpenedSession, LoginFailure>) throws(Problem) -> TokenPair {
        do throws(LoginFailure) {
            return try OpenSession(context).complete(try result.get())
        } catch {
            throw Problem(error)
        }
    }

    /// Names existing accounts only: users sometimes type their password into the wrong field, and it must not be logged.
    private func logLogin(
        _ event: StaticString, _ who: LoginParty, _ call: Call, _ fill: (inout LogLine) -> Void
    ) {
        shared.log.write(.info, event) { line in
            call.add(to: &line)
            let accounts = context.authState.accounts.index.current
            if let name = accounts.id(named: who.username).flatMap({ accounts.name(of: $0) }) {
                line.add("username", name)
            } else {
                line.add("unknown_username", shared.digest(of: who.username))
            }
            if let client = who.clientID { line.add("client_id", client) }
            fill(&line)
        }
    }
}

/// The user and the client of a login, for the log.
struct LoginParty: Sendable {
    /// As typed.
    let username: String
    let clientID: String?

    init(_ attempt: LoginAttempt) {
        username = attempt.username
        clientID = attempt.client?.id
    }
}
