package import Accounts
import Encoding
package import Platform
import Revocation
package import Tokens

/// What a client may learn about a token (RFC 7662 §2.2).
package enum Introspection: Sendable {
    /// Says nothing else about the token.
    case inactive
    case access(VerifiedToken, username: String?)
    case refresh(RefreshClaims, username: String?)
}

/// Reports to an authenticated client whether a token is active. A token that this client may not see is inactive to
/// it.
package struct IntrospectToken {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    package func introspect(_ token: Span<UInt8>, for client: Client, at now: UnixMilliseconds) -> Introspection {
        if let verified = try? VerifyToken(context).verify(token, VerifyExpectations(), at: now) {
            let audiences = verified.audiences(using: &context.scratch)
            guard verified.text(verified.clientID) == client.id || audiences.contains(where: client.mayUse(audience:))
            else { return .inactive }
            let user = UUID(verified.payload.span.extracting(verified.subject))
            return .access(verified, username: user.flatMap { context.accounts.name(of: $0) })
        }
        let standing = SessionStanding(context)
        guard let claims = try? standing.verify(token, at: now), claims.clientID == client.id,
            standing.end(of: claims) == nil, standing.denial(of: claims) == nil,
            context.authState.revocations.generation(of: claims.sid) == claims.generation
        else { return .inactive }
        return .refresh(claims, username: standing.user(of: claims).flatMap { context.accounts.name(of: $0) })
    }
}
