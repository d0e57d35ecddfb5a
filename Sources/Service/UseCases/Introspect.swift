package import Accounts
package import Encoding
import Revocation
package import Tokens

/// What a client may learn of a token (RFC 7662 §2.2).
package enum Introspection: Sendable {
    /// Says nothing more (H9).
    case inactive
    /// ``LoopContext/writeClaims(to:where:)`` writes its claims.
    case access(username: String?)
    case refresh(RefreshClaims, username: String?)
}

extension LoopContext {
    /// Looks a token up for `client`; a token that this client may not see is inactive to it (H10).
    package func introspect(_ token: Span<UInt8>, for client: Client, at now: Int64) -> Introspection {
        if let claims = try? verify(token, VerifyExpectations(), at: now) {
            let owner = String(decoding: payload[claims.clientID ?? 0..<0], as: UTF8.self)
            let isForClient = verifier.audiences().contains { client.mayUse(audience: $0) }
            guard owner == client.id || isForClient else { return .inactive }
            return .access(username: UUID(payload.span.extracting(claims.subject)).flatMap { users.user(id: $0)?.name })
        }
        guard let claims = try? liveRefreshClaims(token, at: now) else { return .inactive }
        guard claims.clientID == client.id, let user = standingUser(of: claims), denial(of: claims) == nil,
            authState.revocations.generation(of: claims.sid) == claims.generation
        else { return .inactive }
        return .refresh(claims, username: user.name)
    }

    /// Writes the claims of the last verified token whose names `isWanted` accepts, as they were signed.
    package func writeClaims(to writer: inout JSONWriter, where isWanted: (String) -> Bool) {
        let document = verifier.document
        let payload = verifier.payload
        for (name, value) in document.members(0) {
            guard let spelled = document.string(name, in: payload.span), isWanted(spelled) else { continue }
            writer.name(spelled)
            writer.raw(document.raw(value, in: payload.span))
        }
    }
}
