import HTTP
import Revocation
import Service
import Telemetry

extension Application {
    /// Answers and logs a revocation for /logout, /revoke and /admin/revocations. It runs when the revocation is durable or
    /// has failed.
    func finishRevocation(
        _ result: Result<LedgerPosition, RevocationError>, status: UInt16, _ call: Call, _ response: inout Response,
        _ fill: (inout LogLine) -> Void
    ) {
        switch result {
        case .success(let position):
            response.status = status
            response.addLines("Cache-Control: no-store\r\n")
            response.addPlainField("Revocation-Seq: ") { position.write(to: &$0) }
            shared.log.write(.info, "revoked") { line in
                call.add(to: &line)
                line.add("path", call.path)
                line.addPlain("seq") { position.write(to: &$0) }
                fill(&line)
            }
        case .failure(let fault):
            let problem = Problem(
                .journalUnavailable, Problem.revocationDetail(shared.authState.store), reason: "\(fault)", retryAfter: 5
            )
            answer(problem, call, &response)
        }
        finish(call, &response)
    }
}
