import HTTP
import Revocation
import Service

/// A request that waits until this process knows everything up to the position that it names.
private final class WaitingRequest: Sendable {
    let request: Request

    init(_ request: borrowing Request) { self.request = Request(copying: request) }
}

extension Application {
    /// Runs the handler of a request again when the position is known here, or after 250 ms. No event loop waits.
    ///
    /// - Returns: false if the answer would be the same then.
    func waits(
        for wanted: WantedPosition?, _ request: borrowing Request, _ exchange: borrowing Exchange, _ call: Call
    ) -> Bool {
        let revocations = context.authState.revocations
        guard let wanted, revocations.mayArrive(wanted) else { return false }
        let waiting = WaitingRequest(request)
        let exchange = copy exchange
        revocations.whenReached(wanted, keeping: waiting.request.bytes.count) { _ in
            exchange.performInApplication { $0.runAgain(waiting, exchange, call) }
        }
        return true
    }

    private func runAgain(_ waiting: WaitingRequest, _ exchange: Exchange, _ call: Call) {
        context.applyChanges()
        var response = Response()
        do throws(Problem) {
            switch try run(waiting.request, &response, exchange, call) {
            case .deferred: return
            case .answered: break
            case .waiting, .streaming:
                throw Problem(.internalFault, reason: "an answer in pieces cannot follow a wait for a position")
            }
        } catch {
            answer(error, call, &response)
        }
        finish(call, &response)
        exchange.resume { [response] _, answer in answer = response }
    }
}
