package import Encoding
package import Revocation
import Telemetry

/// What an operator may end.
package enum RevocationRequest: Equatable, Sendable {
    /// - Parameter expiresAt: the token's own `exp` as the operator has it, in seconds since 1970; 0 for unknown.
    case token(UUID, expiresAt: Int64)
    case session(UUID)
    case subject(String)
    case client(String)
    case key(String)
    case all

    /// As the request spells it.
    package var member: StaticString {
        switch self {
        case .token: "jti"
        case .session: "sid"
        case .subject: "sub"
        case .client: "client_id"
        case .key: "kid"
        case .all: "all"
        }
    }

    package var name: String {
        switch self {
        case .token(let id, _), .session(let id): id.description
        case .subject(let name), .client(let name), .key(let name): name
        case .all: "true"
        }
    }
}

extension LoopContext {
    /// - Parameter done: runs once, when the order is durable or could not be made so.
    package func carryOut(
        _ order: RevocationRequest, done: @escaping @Sendable (Result<UInt64, RevocationError>) -> Void
    ) {
        let revocations = authState.revocations
        switch order {
        case .token(let jti, let expiresAt):
            authState.counters.revocations.add(.token)
            revocations.revokeTokenOfAnyEnd(
                jti, expiresAt: expiresAt &* 1_000, reason: RevocationReason.operatorAction.rawValue, done)
        case .session(let sid):
            authState.counters.revocations.add(.session)
            revocations.revokeSession(
                sid, expiresAt: authState.latestEnd(of: sid), reason: RevocationReason.operatorAction.rawValue, done)
        case .subject(let name):
            authState.counters.revocations.add(.subject)
            revocations.cut(
                .subject, name: Array(name.utf8), reason: RevocationReason.operatorAction.rawValue, done)
        case .client(let name):
            authState.counters.revocations.add(.client)
            revocations.cut(
                .client, name: Array(name.utf8), reason: RevocationReason.operatorAction.rawValue, done)
        case .key(let kid):
            authState.counters.revocations.add(.key)
            revocations.cut(
                .key, name: Array(kid.utf8), reason: RevocationReason.operatorAction.rawValue, done)
        case .all:
            authState.counters.revocations.add(.all)
            revocations.cut(.all, name: [], reason: RevocationReason.operatorAction.rawValue, done)
        }
    }
}
