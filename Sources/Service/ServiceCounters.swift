package import Telemetry

package enum LoginResult: String, CaseIterable, Sendable {
    case succeeded, refused, throttled, saturated, unavailable
}

package enum RefreshResult: String, CaseIterable, Sendable {
    case rotated, replayed, reused, refused, ahead, unavailable
}

package enum ClientFailureResult: String, CaseIterable, Sendable {
    case refused, throttled
}

package enum RevocationKind: String, CaseIterable, Sendable {
    case token, session, subject, others, client, key, all
}

package enum PasswordChangeResult: String, CaseIterable, Sendable {
    case changed, refused, unfit, throttled, saturated, unavailable
}

package enum BatchTokenResult: String, CaseIterable, Sendable {
    case active, rejected
}

/// The counters of the use cases.
package final class ServiceCounters: Sendable {
    package let logins = CounterFamily<LoginResult>()
    package let refreshes = CounterFamily<RefreshResult>()
    package let batchTokens = CounterFamily<BatchTokenResult>()
    package let clientFailures = CounterFamily<ClientFailureResult>()
    package let revocations = CounterFamily<RevocationKind>()
    package let passwordChanges = CounterFamily<PasswordChangeResult>()

    init() {}
}
