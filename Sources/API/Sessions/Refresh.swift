import Encoding
import HTTP
import Revocation
import Service
import Telemetry
import Tokens

extension Application {
    /// `POST /refresh`, and `POST /token` with RFC 6749's statuses: a refresh token for its successor.
    func refresh(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let isOAuth = call.endpoint == .token
        // RFC 6749 §3.2 has the token endpoint ignore unknown parameters.
        if !isOAuth { try Query.refuseAny(request) }
        let parameters = try Parameters(
            request, isOAuth ? .form : .either, known: isOAuth ? nil : .refresh, &json)
        try checkGrant(parameters, call)
        let token = try parameters.required("refresh_token")
        let scope = try Self.scope(parameters)
        let client = try client(request, parameters)
        let exchange = copy exchange
        do throws(RefreshFailure) {
            try context.beginRefresh(
                token.span, scope: scope, audience: try audience(parameters), client: client, at: call.now
            ) { attempt, outcome in
                exchange.resume { handler, response in
                    guard let application = handler as? Application else { return }
                    application.finishRefresh(attempt, outcome, call, &response)
                }
            }
        } catch {
            throw problem(error, call)
        }
        return .deferred
    }

    private func audience(_ parameters: Parameters) throws(RefreshFailure) -> String? {
        do throws(Problem) {
            return try parameters.text("audience")
        } catch {
            throw .audienceInvalid
        }
    }

    private func checkGrant(_ parameters: Parameters, _ call: Call) throws(Problem) {
        let grant = try parameters.text("grant_type")
        guard grant != nil || call.endpoint == .refresh else {
            throw Problem(.requestMalformed, "grant_type is missing.")
        }
        guard grant ?? "refresh_token" == "refresh_token" else { throw Problem(.grantUnsupported) }
    }

    /// Runs on the loop again, once the rotation is durable.
    private func finishRefresh(
        _ attempt: RefreshAttempt, _ outcome: RotationOutcome, _ call: Call, _ response: inout Response
    ) {
        do throws(RefreshFailure) {
            let (pair, isReplay) = try context.completeRefresh(attempt, outcome)
            response.addLines(isReplay ? "Refresh-Outcome: replayed\r\n" : "Refresh-Outcome: rotated\r\n")
            writePair(pair, &response)
            logRefresh(.info, isReplay ? "refresh_replayed" : "refresh_rotated", attempt, call)
        } catch {
            switch error {
            case .reused: logRefresh(.warning, "refresh_reused", attempt, call)
            case .ahead: logRefresh(.error, "refresh_ahead_of_journal", attempt, call)
            default: break
            }
            answer(problem(error, call), call, &response)
        }
        finish(call, &response)
    }

    private func problem(_ failure: RefreshFailure, _ call: Call) -> Problem {
        var problem = Problem(failure)
        // RFC 6749 §5.2: to the token endpoint, another client's token is a grant that is not valid (G9, G11).
        if call.endpoint == .token, problem.code == .clientNotAllowed { problem = Problem(.refreshInvalid) }
        if call.endpoint == .token, problem.status == 401, problem.code != .clientInvalid {
            problem.statusOverride = 400
        }
        return problem
    }

    private func logRefresh(_ level: Log.Level, _ event: StaticString, _ attempt: RefreshAttempt, _ call: Call) {
        shared.log.write(level, event) { line in
            call.add(to: &line)
            line.add("sub", attempt.claims.subject)
            line.add("sid", attempt.claims.sid.description)
            line.add("gen", attempt.claims.generation)
        }
    }
}
