import Accounts
import Encoding
import HTTP
import Platform
import Revocation
import Service
import Telemetry

extension Route {
    package static let password = Route(
        "/password", [.post], access: .bearer, policies: [.oauthErrors, .limitedByAddress, .crossOrigin],
        content: .either,
        codes: [
            .requestMalformed, .clientInvalid, .passwordWrong, .unsupportedMediaType, .passwordUnfit, .tooManyAttempts,
            .hashingSaturated, .usersUnavailable, .sessionsNotEnded, .journalUnavailable, .storeUnavailable,
        ] + ProblemCode.ofCookies + ProblemCode.ofTokens,
        operations: [
            Operation(
                method: .post, id: "password", tag: "sessions",
                summary: "Change the user's password and end the user's other sessions.",
                description: """
                    The session of the access token continues with its tokens. Wrong passwords count as failed logins. password_wrong is 403, so that no client takes it for an expired token. With MARTLET_BROWSER=on, a request without Authorization may have the access cookie.
                    """,
                security: [.bearer, .cookie],
                body: Operation.Body(contents: [
                    .json(
                        .passwordChange,
                        (
                            "plain",
                            .map([
                                ("current_password", .text("correct horse battery staple")),
                                ("new_password", .text("four other random words")),
                            ])
                        )),
                    .form(.passwordChange),
                ]),
                answers: [
                    Operation.Answer(
                        status: 204,
                        description:
                            "The new password is valid, the other sessions have ended, and this is on stable storage.",
                        headers: [Operation.Header(name: "Revocation-Seq")])
                ])
        ]
    ) { application, request, _, exchange, call throws(Problem) in
        try application.changePassword(request, exchange, call)
    }
}

extension Schema {
    static let passwordChange = named(
        "PasswordChange",
        .object(
            .required(
                "current_password",
                .string(lengthMin: 1, lengthMax: 1_024).described("1 to 1024 bytes, used as received.")),
            .required("new_password", .string.described("Used as received, if it meets the rules for new passwords.")),
            .optional(
                "device_token",
                .string.described(
                    "The token that this device got at its last login. As at /login, guesses by others then do not delay the change, and wrong passwords count for the device only. One that is not valid for the user is ignored."
                )),
            .optional(
                "source",
                .string(lengthMax: 64).described(
                    "The end user's IPv4 or IPv6 address, by which failures are limited; from authenticated clients only."
                )),
            .optional("client_id", .string), .optional("client_secret", .string), rest: .none))
}

extension Application {
    /// `POST /password`: replaces the password of the token's user.
    func changePassword(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let range: Range<Int>
        switch RequestTokens.bearer(request) {
        case .at(let found): range = found
        case .malformed: throw Problem(.tokenMissing)
        case .absent: range = try accessCookie(request, isReading: false)
        }
        let parameters = try Parameters(request, .either, known: .password, &json)
        let session: LogoutSession
        do throws(PasswordFailure) {
            session = try ChangePassword(context).session(of: request.bytes(range), at: call.now)
        } catch {
            throw Problem(error)
        }
        let change = try passwordChange(request, parameters, session)
        try begin(change, exchange, call) { application, result, response in
            switch result {
            case .success(let position):
                application.finishPassword(position, session, status: 204, call, &response)
            case .failure(let problem):
                application.answer(problem, call, &response)
                application.finish(call, &response)
            }
        }
        return .deferred
    }

    /// Begins a change for `/password` or for a page.
    ///
    /// - Parameter finish: runs on the event loop after the change is durable or has failed.
    func begin(
        _ change: PasswordChange, _ exchange: borrowing Exchange, _ call: Call,
        _ finish: @escaping @Sendable (Application, Result<LedgerPosition, Problem>, inout Response) -> Void
    ) throws(Problem) {
        let exchange = copy exchange
        do throws(PasswordFailure) {
            try ChangePassword(context).begin(change, at: call.now) { result in
                exchange.resumeApplication { application, response in
                    let logged = result.mapError { application.refusedPassword($0, change.session, call) }
                    finish(application, logged, &response)
                }
            }
        } catch {
            throw refusedPassword(error, change.session, call)
        }
    }

    private func passwordChange(
        _ request: borrowing Request, _ parameters: Parameters, _ session: LogoutSession
    ) throws(Problem) -> PasswordChange {
        let current = try parameters.required("current_password")
        guard LoginAttempt.passwordByteCounts.contains(current.count) else {
            throw Problem(.requestMalformed, "A password must have 1 to 1024 bytes.")
        }
        guard let new = try parameters.bytes("new_password") else {
            throw Problem(.requestMalformed, "The member new_password is missing.")
        }
        let client = try client(request, parameters)
        return PasswordChange(
            session: session, current: Secret(current), new: Secret(new),
            source: try source(request, parameters, client),
            deviceToken: try RequestTokens.device(parameters) ?? deviceOfCaller(request))
    }

    /// The device token of a browser. With an Authorization field, no cookie counts.
    private func deviceOfCaller(_ request: borrowing Request) -> [UInt8]? {
        request.fieldCount("authorization") == 0 ? deviceCookie(request) : nil
    }

    /// Answers and logs a change that is durable.
    func finishPassword(
        _ position: LedgerPosition, _ session: LogoutSession, status: UInt16, _ call: Call, _ response: inout Response
    ) {
        shared.log.write(.info, "password_changed") { line in
            call.add(to: &line)
            line.add("sub", session.subject)
            line.add("sid", session.sid)
        }
        finishRevocation(.success(position), status: status, call, &response) { line in
            line.add("reach", LogoutReach.others.rawValue)
            line.add("sub", session.subject)
            line.add("sid", session.sid)
        }
    }

    private func refusedPassword(_ failure: PasswordFailure, _ session: LogoutSession, _ call: Call) -> Problem {
        let problem = Problem(failure)
        shared.log.write(.info, "password_refused") { line in
            call.add(to: &line)
            line.add("sub", session.subject)
            line.add("sid", session.sid)
            line.add("code", problem.code.rawValue)
        }
        return problem
    }
}
