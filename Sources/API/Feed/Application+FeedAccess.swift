import Accounts
import HTTP
import Platform
import Revocation
import Service
import Tokens

extension Application {
    /// Decides whether a request may read the feed.
    ///
    /// - Throws: `not_enabled` without a feed; what is wrong with the credentials; `scope_insufficient`.
    func feedPermit(
        _ request: borrowing Request, _ call: Call
    ) throws(Problem) -> (publisher: FeedPublisher, permit: FeedPermit) {
        guard let publisher = shared.feed else { throw Problem(.notEnabled, "MARTLET_FEED is off.") }
        // A server that never reached the one that it follows has nothing to pass on.
        if let followed = shared.authState.followed, followed.age == nil { throw Problem(.stale, retryAfter: 1) }
        switch publisher.access {
        case .public: return (publisher, FeedPermit())
        case .clients: return (publisher, try feedPermit(ofClient: request, call))
        }
    }

    private func feedPermit(ofClient request: borrowing Request, _ call: Call) throws(Problem) -> FeedPermit {
        if let basic = BasicCredentials(request) {
            guard case .credentials(let id, let secret) = basic,
                let client = try authenticate(id, secret, from: request.peer)
            else { throw Problem(.clientInvalid) }
            guard client.scopes.contains(FeedAccess.scope) else {
                throw Problem(.scopeInsufficient, "The client does not have it.", scope: FeedAccess.scope)
            }
            return FeedPermit(clientID: client.id)
        }
        let range: Range<Int>
        switch RequestTokens.bearer(request) {
        case .absent: throw Problem(.tokenMissing)
        case .malformed: throw Problem(.requestMalformed, "The Authorization field must contain one bearer token.")
        case .at(let found): range = found
        }
        var expectations = VerifyExpectations()
        expectations.scopes = [Array(FeedAccess.scope.utf8)]
        let token: VerifiedToken
        do throws(VerifyFailure) {
            token = try verifyToken.verify(request.bytes(range), expectations, at: call.now)
        } catch {
            var problem = Problem(error)
            if problem.code == .scopeInsufficient { problem.scope = FeedAccess.scope }
            throw problem
        }
        guard token.sid == nil else {
            throw Problem(
                .scopeInsufficient, "The feed is for clients. Use a token of the grant client_credentials.",
                scope: FeedAccess.scope)
        }
        return FeedPermit(clientID: token.text(token.clientID), expires: token.expiresAt)
    }

    /// Whether a stream may continue that was admitted before.
    func isStillPermitted(_ permit: FeedPermit, at now: UnixMilliseconds) -> Bool {
        if let expires = permit.expires, expires <= now.seconds { return false }
        guard let id = permit.clientID else { return true }
        // A server that follows another one need not know the client of a token.
        if shared.authState.followed != nil, permit.expires != nil { return true }
        guard let client = context.clients.client(id: id), !client.isDisabled else { return false }
        return client.scopes.contains(FeedAccess.scope)
    }
}
