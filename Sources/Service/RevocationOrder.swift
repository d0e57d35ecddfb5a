package import Octets
package import Revocation

/// What an operator may end.
package enum RevocationOrder: Equatable, Sendable {
    /// - Parameter expiresAt: seconds since 1970; `nil` for as long as any access token can live.
    case token(UUID, expiresAt: Int64?)
    case session(UUID)
    case subject(String)
    case client(String)
    case key(String)
    case all
}

extension Desk {
    /// - Parameter done: runs once, when the order is durable or could not be made so.
    package func carryOut(
        _ order: RevocationOrder, at now: Int64, done: @escaping @Sendable (Result<UInt64, RevocationFault>) -> Void
    ) {
        let revocations = realm.revocations
        switch order {
        case .token(let jti, let expiresAt):
            realm.counters.revocations.add(.token)
            let longest = now &+ (realm.settings.accessLifetime &+ realm.settings.leeway) &* 1_000
            revocations.revokeToken(jti, expiresAt: expiresAt.map { $0 &* 1_000 } ?? longest, reason: .operator, done)
        case .session(let sid):
            realm.counters.revocations.add(.session)
            revocations.revokeSession(sid, expiresAt: realm.latestEnd(of: sid), reason: .operator, done)
        case .subject(let name):
            realm.counters.revocations.add(.subject)
            revocations.cut(.subject, name: Array(name.utf8), reason: .operator, sparing: nil, done)
        case .client(let name):
            realm.counters.revocations.add(.client)
            revocations.cut(.client, name: Array(name.utf8), reason: .operator, sparing: nil, done)
        case .key(let kid):
            realm.counters.revocations.add(.key)
            revocations.cut(.key, name: Array(kid.utf8), reason: .operator, sparing: nil, done)
        case .all:
            realm.counters.revocations.add(.all)
            revocations.cut(.all, name: [], reason: .operator, sparing: nil, done)
        }
    }
}
