package import Octets
package import Revocation
import Telemetry

/// What an operator may end.
package enum RevocationOrder: Equatable, Sendable {
    /// - Parameter expiresAt: the token's own `exp`, in seconds since 1970.
    case token(UUID, expiresAt: Int64)
    case session(UUID)
    case subject(String)
    case client(String)
    case key(String)
    case all
}

extension Desk {
    /// - Parameter done: runs once, when the order is durable or could not be made so.
    package func carryOut(
        _ order: RevocationOrder, done: @escaping @Sendable (Result<UInt64, RevocationFault>) -> Void
    ) {
        let revocations = realm.revocations
        switch order {
        case .token(let jti, let expiresAt):
            realm.counters.revocations.add(.token)
            revocations.revokeToken(
                jti, expiresAt: expiresAt &* 1_000, reason: RevocationReason.operatorAction.rawValue, done)
        case .session(let sid):
            realm.counters.revocations.add(.session)
            revocations.revokeSession(
                sid, expiresAt: realm.latestEnd(of: sid), reason: RevocationReason.operatorAction.rawValue, done)
        case .subject(let name):
            realm.counters.revocations.add(.subject)
            revocations.cut(
                .subject, name: Array(name.utf8), reason: RevocationReason.operatorAction.rawValue, sparing: nil, done)
        case .client(let name):
            realm.counters.revocations.add(.client)
            revocations.cut(
                .client, name: Array(name.utf8), reason: RevocationReason.operatorAction.rawValue, sparing: nil, done)
        case .key(let kid):
            realm.counters.revocations.add(.key)
            revocations.cut(
                .key, name: Array(kid.utf8), reason: RevocationReason.operatorAction.rawValue, sparing: nil, done)
        case .all:
            realm.counters.revocations.add(.all)
            revocations.cut(.all, name: [], reason: RevocationReason.operatorAction.rawValue, sparing: nil, done)
        }
    }
}
