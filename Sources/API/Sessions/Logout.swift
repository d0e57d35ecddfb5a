import Encoding
import HTTP
import Revocation
import Service
import Telemetry

extension Application {
    /// `POST /logout`: ends this session, the subject's others, or all of them.
    func logout(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        try Query.refuseAny(request)
        let parameters = try Parameters(request, .either, known: .logout, &json)
        if case .nothing = parameters.given("scope") { throw Problem(.requestMalformed, "The member scope is empty.") }
        let named = try parameters.text("scope") ?? LogoutReach.local.rawValue
        guard let reach = LogoutReach(rawValue: named) else {
            throw Problem(.requestMalformed, "scope is one of local, others, global.")
        }
        let session = try logoutSession(request, parameters, reach, call)
        let exchange = copy exchange
        do throws(LogoutFailure) {
            try context.logout(session, reach) { result in
                exchange.resume { handler, response in
                    guard let application = handler as? Application else { return }
                    application.finishRevocation(result, status: 204, call, &response) { line in
                        line.add("reach", reach.rawValue)
                        line.add("sub", session.subject)
                        line.add("sid", session.sid.description)
                    }
                }
            }
        } catch {
            throw Problem(error)
        }
        return .deferred
    }

    /// The session that the stronger proof speaks for. A client logs out with what it has: a token that is expired, revoked
    /// or nonsense beside a valid one does not keep the session alive.
    private func logoutSession(
        _ request: borrowing Request, _ parameters: Parameters, _ reach: LogoutReach, _ call: Call
    ) throws(Problem) -> LogoutSession {
        let refresh = try parameters.octets("refresh_token")
        let ofRefresh: Result<LogoutSession, LogoutFailure>? = refresh.map { token in
            Result { () throws(LogoutFailure) in try context.session(ofRefresh: token.span, for: reach, at: call.now) }
        }
        let ofAccess: Result<LogoutSession, LogoutFailure>?
        switch BearerToken(request) {
        case .absent: ofAccess = nil
        case .malformed:
            guard case .success = ofRefresh else {
                throw Problem(.requestMalformed, "The Authorization field must be one bearer token.")
            }
            ofAccess = nil
        case .at(let range):
            do throws(LogoutFailure) {
                ofAccess = .success(try context.session(ofAccess: request.octets(range), at: call.now))
            } catch {
                ofAccess = .failure(error)
            }
        }
        switch (ofRefresh, ofAccess) {
        case (.success(let one), .success(let other)):
            guard one.sid == other.sid else { throw Problem(LogoutFailure.sessionUnclear) }
            return one
        case (.success(let session), _), (_, .success(let session)): return session
        case (.failure(let failure), _), (nil, .failure(let failure)): throw Problem(failure)
        case (nil, nil): throw Problem(.tokenMissing)
        }
    }

    /// Writes what became of a revocation; success is told only when it is durable (H12, H15).
    func finishRevocation(
        _ result: Result<UInt64, RevocationError>, status: UInt16, _ call: Call, _ response: inout Response,
        _ fill: (inout LogLine) -> Void
    ) {
        switch result {
        case .success(let seq):
            response.status = status
            response.addLines("Cache-Control: no-store\r\n")
            response.addField("Revocation-Seq", String(seq).utf8)
            shared.log.write(.info, "revoked") { line in
                call.add(to: &line)
                line.add("path", call.endpoint.map { "\($0.path)" } ?? "-")
                line.add("seq", seq)
                fill(&line)
            }
        case .failure(let fault):
            answer(Problem(.journalUnavailable, reason: "\(fault)", retryAfter: 5), call, &response)
        }
        finish(call, &response)
    }
}
