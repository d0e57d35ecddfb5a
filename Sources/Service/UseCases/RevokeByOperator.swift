package import Encoding
package import Platform
package import Revocation
import Telemetry

/// What an operator may revoke.
package enum RevocationRequest: Equatable, Sendable {
    /// - Parameter expiresAt: the token's own `exp`, if the operator knows it; otherwise 0.
    case token(UUID, expiresAt: UnixSeconds)
    case session(UUID)
    case subject(String)
    case client(String)
    case key(String)
    case all

    /// The member of the request that names it.
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

/// Revokes what an operator names.
package struct RevokeByOperator {
    private let authState: AuthState

    package init(_ authState: AuthState) {
        self.authState = authState
    }

    /// - Parameter done: called once, when the revocation is durable or has failed.
    package func revoke(
        _ request: RevocationRequest, done: @escaping @Sendable (Result<LedgerPosition, RevocationError>) -> Void
    ) {
        let revocations = authState.revocations
        let reason = RevocationReason.operatorAction.rawValue
        authState.counters.revocations.add(request.kind)
        switch request {
        case .token(let jti, let expiresAt):
            revocations.revokeTokenOfAnyEnd(jti, expiresAt: expiresAt.milliseconds, reason: reason, done)
        case .session(let sid):
            revocations.revokeSession(sid, expiresAt: authState.latestEnd(of: sid), reason: reason, done)
        case .subject(let name): revocations.cut(.subject, name: Array(name.utf8), reason: reason, done)
        case .client(let name): revocations.cut(.client, name: Array(name.utf8), reason: reason, done)
        case .key(let kid): revocations.cut(.key, name: Array(kid.utf8), reason: reason, done)
        case .all: revocations.cut(.all, name: [], reason: reason, done)
        }
    }
}

extension RevocationRequest {
    fileprivate var kind: RevocationKind {
        switch self {
        case .token: .token
        case .session: .session
        case .subject: .subject
        case .client: .client
        case .key: .key
        case .all: .all
        }
    }
}
