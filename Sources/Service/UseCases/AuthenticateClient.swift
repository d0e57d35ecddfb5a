package import Accounts
import Telemetry

package enum ClientFailure: Error, Equatable, Sendable {
    /// Unknown or disabled client, or a wrong secret. The caller does not learn which.
    case invalid
    /// The source guesses; the caller does not learn whether the secret is right.
    case tooManyAttempts(retryAfterSeconds: Int64)
}

/// Authenticates a registered client by its secret, within the limits on guesses.
package struct AuthenticateClient {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// - Parameters:
    ///   - id: as the request names it.
    ///   - source: a number for the address of the request, as ``LoginThrottle/Source/address(_:)`` has it.
    package func authenticate(_ id: String, _ secret: Span<UInt8>, from source: UInt64) throws(ClientFailure) -> Client
    {
        let state = context.authState
        let client = context.clients.authenticate(id: id, secret: secret)
        let verdict = state.throttle.judge(
            client: id, secret: secret, isRight: client != nil, source: source, now: state.monotonic())
        switch verdict {
        case .accepted:
            if let client { return client }
            throw .invalid
        case .refused:
            state.counters.clientFailures.add(.refused)
            throw .invalid
        case .wait(let seconds):
            state.counters.clientFailures.add(.throttled)
            throw .tooManyAttempts(retryAfterSeconds: seconds)
        }
    }
}
