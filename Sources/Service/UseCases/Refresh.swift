package import Accounts
import Encoding
package import JOSE
import Platform
package import Revocation
import Telemetry
package import Tokens

/// A refresh token whose signature and times hold, and what is asked with it.
package struct RefreshAttempt: Sendable {
    package let claims: RefreshClaims
    /// Within the session's scope.
    let scope: String
    let audience: String
    let client: Client?
    let user: User
    /// The answer if the rotation happens now, signed before it is written down: nothing may fail once the token is
    /// spent. Nil where no rotation can come of the token, as of one that was spent before.
    let prepared: TokenPair?
}

package enum RefreshFailure: Error, Equatable, Sendable {
    case rejected(TokenRejection)
    case revoked(Denial)
    case accountEnded
    /// The token belongs to a registered client that did not authenticate.
    case clientUnauthenticated
    /// The token belongs to another client (G9).
    case clientNotAllowed
    case scopeInvalid
    case audienceInvalid
    /// A spent token came back after the grace time: the session is ended (G3).
    case reused
    /// Inside the grace time, but asking for another scope or audience than the first time.
    case mismatched
    /// The token is ahead of the journal: an old copy of it was restored.
    case ahead(known: UInt32)
    case unavailable(String)
    /// No key signs the successor; the token is not spent.
    case signingUnavailable(String)
    case internalFault(String)
}

extension LoopContext {
    /// Verifies a refresh token and hands its rotation to the journal.
    ///
    /// - Parameter then: runs once, on this or on the journal's thread, unless this throws.
    /// - Returns: what ``completeRefresh(_:_:)`` needs beside the outcome.
    package func beginRefresh(
        _ token: Span<UInt8>, scope: Scope?, audience: String?, client: Client?, at now: Int64,
        then: @escaping @Sendable (RefreshAttempt, RotationOutcome) -> Void
    ) throws(RefreshFailure) {
        let claims = try verifyRefresh(token, at: now)
        try checkOwner(of: claims, client)
        guard let user = standingUser(of: claims) else {
            authState.counters.refreshes.add(.refused)
            throw .accountEnded
        }
        let granted = Scope(claims.scope) ?? Scope(names: [])
        // In the order of the grant: a replay may spell the same set in another order.
        let wanted = scope?.ordered(like: granted) ?? granted
        // What was taken from the user or the client since the login is not given again (G8).
        let allowed = Scope(
            names: wanted.names.filter { user.scopes.contains($0) && client?.mayUse(scope: $0) ?? true })
        guard wanted.isWithin(granted), scope == nil || wanted.isWithin(allowed) else { throw .scopeInvalid }
        guard let target = audience ?? claims.audience.first, claims.audience.contains(target),
            authState.settings.audiences.contains(target), client?.mayUse(audience: target) ?? true
        else { throw .audienceInvalid }
        let prepared = try prepareSuccessor(
            of: claims, scope: allowed.text, audience: target, to: user, client: client, at: now)
        let attempt = RefreshAttempt(
            claims: claims, scope: allowed.text, audience: target, client: client, user: user, prepared: prepared)
        let request = RotationRequest(
            sid: claims.sid, generation: claims.generation,
            request: Self.fingerprint(scope: wanted.text, audience: target),
            sessionEnd: claims.sessionEnd &* 1_000)
        let names = (
            subject: Array(claims.subject.utf8), client: Array(claims.clientID.utf8), kid: Array(claims.kid.utf8)
        )
        authState.revocations.rotate(
            request, subject: names.subject.span, client: names.client.span, kid: names.kid.span
        ) {
            then(attempt, $0)
        }
    }

    /// Signs the successor once its rotation is durable.
    /// - Returns: the tokens, and whether they repeat an earlier answer.
    package func completeRefresh(
        _ attempt: RefreshAttempt, _ outcome: RotationOutcome
    ) throws(RefreshFailure) -> (pair: TokenPair, isReplay: Bool) {
        switch outcome {
        case .rotated(let generation, let at, _):
            authState.counters.refreshes.add(.rotated)
            return (try rotated(attempt, generation: generation, at: at), false)
        case .replayed(let generation, let at, _):
            authState.counters.refreshes.add(.replayed)
            return (try successor(of: attempt, generation: generation, at: at), true)
        case .reused:
            authState.counters.refreshes.add(.reused)
            throw .reused
        case .mismatched:
            authState.counters.refreshes.add(.refused)
            throw .mismatched
        case .ahead(let known):
            authState.counters.refreshes.add(.ahead)
            throw .ahead(known: known)
        case .denied(let denial):
            authState.counters.refreshes.add(.refused)
            throw .revoked(denial)
        case .unavailable(let fault):
            authState.counters.refreshes.add(.unavailable)
            throw .unavailable("\(fault)")
        }
    }

    func verifyRefresh(_ token: Span<UInt8>, at now: Int64) throws(RefreshFailure) -> RefreshClaims {
        do throws(TokenRejection) {
            return try liveRefreshClaims(token, at: now)
        } catch {
            authState.counters.refreshes.add(.refused)
            throw .rejected(error)
        }
    }

    /// A refresh token's claims, of a session within today's limit: one that began under a longer limit ends with the
    /// shorter one, and no cut has to be remembered beyond that.
    func liveRefreshClaims(_ token: Span<UInt8>, at now: Int64) throws(TokenRejection) -> RefreshClaims {
        let claims = try verifier.verifyRefresh(token, now: now)
        guard now / 1_000 < claims.authTime &+ authState.settings.sessionMax else { throw .expired }
        guard !authState.revocations.isAhead(claims.sid, at: now, leeway: authState.settings.leeway &* 1_000) else {
            throw .notActive
        }
        return claims
    }

    /// What was revoked that the token belongs to.
    func denial(of claims: RefreshClaims) -> Denial? {
        let subject = Array(claims.subject.utf8)
        let owner = Array(claims.clientID.utf8)
        let kid = Array(claims.kid.utf8)
        return authState.revocations.denial(
            sid: claims.sid, issuedAt: 0, subject: subject.span, client: owner.span, kid: kid.span)
    }

    func standingUser(of claims: RefreshClaims) -> User? {
        guard let id = UUID(claims.subject), let user = users.user(id: id) else { return nil }
        guard let standing = users.standing(of: id), standing.admits(session: claims.sid) else { return nil }
        return user
    }

    /// A client's token needs that client; a first-party token needs none.
    func checkOwner(of claims: RefreshClaims, _ client: Client?) throws(RefreshFailure) {
        guard claims.clientID != (client?.id ?? AuthState.firstPartyClient) else { return }
        guard client != nil else { throw .clientUnauthenticated }
        throw .clientNotAllowed
    }

    /// Builds and signs everything that the answer needs, before the token is spent.
    ///
    /// - Returns: nil for a token that cannot rotate: the store decides what becomes of that one.
    private func prepareSuccessor(
        of claims: RefreshClaims, scope: String, audience: String, to user: User, client: Client?, at now: Int64
    ) throws(RefreshFailure) -> TokenPair? {
        guard claims.generation == authState.revocations.generation(of: claims.sid), claims.generation < .max,
            denial(of: claims) == nil
        else { return nil }
        let session = session(after: claims, generation: claims.generation + 1, at: now)
        return try sign(session, scope: scope, audience: audience, to: user, client: client)
    }

    /// The answer to a rotation that is durable. It was made before; only where the journal dates the rotation to another
    /// second it is made again, so that a replay, which knows the journal's time alone, repeats it.
    private func rotated(
        _ attempt: RefreshAttempt, generation: UInt32, at milliseconds: Int64
    ) throws(RefreshFailure) -> TokenPair {
        let issuedAt = session(after: attempt.claims, generation: generation, at: milliseconds).issuedAt
        if let prepared = attempt.prepared, prepared.issuedAt == issuedAt { return prepared }
        do throws(RefreshFailure) {
            return try successor(of: attempt, generation: generation, at: milliseconds)
        } catch {
            guard let prepared = attempt.prepared else { throw error }
            return prepared
        }
    }

    private func successor(
        of attempt: RefreshAttempt, generation: UInt32, at milliseconds: Int64
    ) throws(RefreshFailure) -> TokenPair {
        let session = session(after: attempt.claims, generation: generation, at: milliseconds)
        return try sign(
            session, scope: attempt.scope, audience: attempt.audience, to: attempt.user, client: attempt.client)
    }

    private func session(after claims: RefreshClaims, generation: UInt32, at milliseconds: Int64) -> RefreshClaims {
        var session = claims
        session.generation = generation
        // The journal's time is ahead for good once the clock was; tokens are not to live longer for it.
        session.issuedAt = min(milliseconds, authState.clock.now) / 1_000
        session.expiresAt = min(session.issuedAt + authState.settings.refreshIdle, session.sessionEnd)
        return session
    }

    private func sign(
        _ session: RefreshClaims, scope: String, audience: String, to user: User, client: Client?
    ) throws(RefreshFailure) -> TokenPair {
        do throws(IssueError) {
            return try issue(session, scope: scope, audience: audience, to: user, client: client)
        } catch {
            guard error.isAboutKeys else { throw .internalFault("\(error)") }
            authState.counters.refreshes.add(.unavailable)
            throw .signingUnavailable("\(error)")
        }
    }

    /// Tells two different requests with one token apart, so that a replay repeats exactly the first answer.
    private static func fingerprint(scope: String, audience: String) -> UInt32 {
        let octets = Array(scope.utf8) + [0] + Array(audience.utf8)
        return CRC32C.checksum(octets.span, seed: 0)
    }
}
