import HTTP
import Octets
import Revocation
import Service
import Telemetry

extension Application {
    /// `POST /logout`: ends this session, the subject's others, or all of them.
    func logout(
        _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try Parameters(request, .either, &json)
        let named = try parameters.text("scope") ?? LogoutReach.local.rawValue
        guard let reach = LogoutReach(rawValue: named) else {
            throw Problem(.requestMalformed, "scope is one of local, others, global.")
        }
        let session = try logoutSession(request, parameters, reach, call)
        let exchange = copy exchange
        desk.logout(session, reach) { result in
            exchange.resume { handler, response in
                guard let application = handler as? Application else { return }
                application.finishRevocation(result, status: 204, call, &response) { line in
                    line.add("reach", reach.rawValue)
                    line.add("sub", session.subject)
                    line.add("sid", session.sid.description)
                }
            }
        }
        return .deferred
    }

    private func logoutSession(
        _ request: borrowing Request, _ parameters: Parameters, _ reach: LogoutReach, _ call: Call
    ) throws(Problem) -> LogoutSession {
        let refresh = try parameters.octets("refresh_token")
        let bearer: Range<Int>?
        switch BearerToken(request) {
        case .absent: bearer = nil
        case .at(let range): bearer = range
        case .malformed: throw Problem(.requestMalformed, "The Authorization field must be one bearer token.")
        }
        guard bearer != nil || refresh != nil else { throw Problem(.tokenMissing) }
        do throws(LogoutFailure) {
            let ofRefresh =
                if let refresh { try desk.session(ofRefresh: refresh.span, for: reach, at: call.now) } else {
                    nil as LogoutSession?
                }
            let ofAccess =
                if let bearer { try desk.session(ofAccess: request.octets(bearer), at: call.now) } else {
                    nil as LogoutSession?
                }
            guard ofRefresh == nil || ofAccess == nil || ofRefresh?.sid == ofAccess?.sid,
                let session = ofRefresh ?? ofAccess
            else { throw .sessionUnclear }
            return session
        } catch {
            throw Problem(error)
        }
    }

    /// Writes what became of a revocation; success is told only when it is durable (H12, H15).
    func finishRevocation(
        _ result: Result<UInt64, RevocationFault>, status: UInt16, _ call: Call, _ response: inout Response,
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
