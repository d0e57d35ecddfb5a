import Accounts
import Encoding
import HTTP
import JOSE
import Platform
import Service
import Telemetry

extension Grant {
    /// A session for a user whom the client has authenticated itself.
    static let session = Grant(type: .session) {
        application, request, parameters, _, exchange, call throws(Problem) in
        try application.openTrustedSession(request, parameters, exchange, call)
    }
}

extension Application {
    func openTrustedSession(
        _ request: borrowing Request, _ parameters: Parameters, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let client = try authenticatedClient(request, parameters)
        let login = try trustedLogin(request, parameters, client)
        let exchange = copy exchange
        do throws(TrustedLoginFailure) {
            try OpenTrustedSession(context).begin(
                login, by: client, at: call.now, onLoop: { [exchange] in exchange.performInContext($0) }
            ) { result in
                exchange.resumeApplication { application, response in
                    application.finishTrustedSession(result, client, call, &response)
                }
            }
        } catch {
            throw refusedSession(error, client, call)
        }
        return .deferred
    }

    private func trustedLogin(
        _ request: borrowing Request, _ parameters: Parameters, _ client: Client
    ) throws(Problem) -> TrustedLogin {
        guard try RequestTokens.refresh(parameters) == nil else {
            throw Problem(.requestMalformed, "This grant takes no refresh_token.")
        }
        let who: TrustedLogin.Who
        switch (try parameters.text("sub"), try parameters.text("username")) {
        case (let subject?, nil): who = .subject(subject)
        case (nil, let name?): who = .username(name)
        default: throw Problem(.requestMalformed, "Name the user, either by sub or by username.")
        }
        let authTime = try parameters.natural("auth_time").map(UnixSeconds.init(_:))
        guard authTime.map(NumericDate.range.contains) ?? true else {
            throw Problem(.requestMalformed, "auth_time must be in seconds since 1970.")
        }
        return TrustedLogin(
            who: who, scope: try parameters.scope(), audience: try sessionAudience(parameters),
            methods: try authenticationMethods(parameters), authTime: authTime, device: try deviceLabel(parameters),
            address: try address(request, parameters, client))
    }

    /// As a scope: names, one space apart.
    private func authenticationMethods(_ parameters: Parameters) throws(Problem) -> [String] {
        let names = try parameters.text("amr")?.split(separator: " ", omittingEmptySubsequences: false) ?? []
        let methods = names.map(String.init)
        guard methods.count <= 8, Set(methods).count == methods.count,
            methods.allSatisfy({ $0.utf8.count <= 32 && Names.isRole($0) })
        else {
            throw Problem(.requestMalformed, "amr must be up to 8 different names of up to 32 characters.")
        }
        return methods
    }

    /// Runs on the event loop after the session was recorded.
    private func finishTrustedSession(
        _ result: Result<OpenedSession, TrustedLoginFailure>, _ client: Client, _ call: Call, _ response: inout Response
    ) {
        do throws(TrustedLoginFailure) {
            let opened = try result.get()
            let pair = try OpenTrustedSession(context).complete(opened)
            TokenAnswer.write(pair, to: &response)
            shared.log.write(.info, "session_granted") { line in
                call.add(to: &line)
                line.add("client_id", client.id)
                line.add("sub", opened.subject)
                line.add("sid", pair.sid)
            }
        } catch {
            answer(refusedSession(error, client, call), call, &response)
        }
        finish(call, &response)
    }

    private func refusedSession(_ failure: TrustedLoginFailure, _ client: Client, _ call: Call) -> Problem {
        let problem = Problem(failure)
        shared.log.write(.info, "session_refused") { line in
            call.add(to: &line)
            line.add("client_id", client.id)
            line.add("code", problem.code.rawValue)
        }
        return problem
    }
}
