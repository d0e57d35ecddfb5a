package import Accounts
import Encoding
import JOSE
package import Platform
import Revocation
import Telemetry
package import Tokens

/// A valid refresh token and what the client requests with it.
///
/// It is a class, because it passes through several closures, and each copy of a value would count a dozen references.
package final class RefreshAttempt: Sendable {
    package let claims: RefreshClaims
    /// Within the session's scope.
    let scope: String
    let audience: String
    let client: Client?
    let user: User
    /// The tokens for a rotation that happens now, signed before the rotation is written: nothing may fail after the token
    /// is used up. `nil` for a token that cannot rotate, such as one that was already used.
    let prepared: TokenPair?
    let isByCookie: Bool

    init(
        claims: RefreshClaims, scope: String, audience: String, client: Client?, user: User, prepared: TokenPair?,
        isByCookie: Bool
    ) {
        self.claims = claims
        self.scope = scope
        self.audience = audience
        self.client = client
        self.user = user
        self.prepared = prepared
        self.isByCookie = isByCookie
    }
}

/// A rotation that the journal has decided.
package struct PendingRefresh: Sendable {
    package let attempt: RefreshAttempt
    let outcome: RotationOutcome
}

/// A verified refresh token that waits for its user.
private struct RefreshRequest: Sendable {
    let claims: RefreshClaims
    let scope: Scope?
    let audience: String?
    let client: Client?
    let cookies: CookieRequirement?
    let now: UnixMilliseconds
}

/// Exchanges a refresh token for its successor.
///
/// ``begin(_:scope:audience:client:at:onLoop:then:)`` verifies the token and passes the rotation to the journal;
/// ``complete(_:)`` returns the tokens on the event loop.
package struct RotateSession {
    package typealias Completion = @Sendable (Result<PendingRefresh, RefreshFailure>) -> Void

    private let context: LoopContext
    private var authState: AuthState { context.authState }

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// - Parameters:
    ///   - cookies: nil for a refresh token in the content.
    ///   - onLoop: runs a closure on the thread of the event loop with its context, if the source of accounts answers later.
    ///   - then: called once, on any thread, unless this throws.
    package func begin(
        _ token: Span<UInt8>, scope: Scope?, audience: String?, client: Client?,
        cookies: CookieRequirement? = nil, at now: UnixMilliseconds,
        onLoop: @escaping @Sendable (@escaping @Sendable (LoopContext) -> Void) -> Void,
        then: @escaping Completion
    ) throws(RefreshFailure) {
        let claims = try verify(token, client, at: now)
        guard cookies.map({ $0.sid == claims.sid }) ?? true else {
            authState.counters.refreshes.add(.refused)
            throw .sessionMismatch
        }
        // Before every other end: a new sign-in as another user must not lose its cookies because the first user is disabled.
        if cookies != nil, authState.revocations.isReplaced(claims.sid) {
            authState.counters.refreshes.add(.refused)
            throw .replaced
        }
        let standing = SessionStanding(context)
        let user = standing.user(of: claims)
        if user == nil, let end = standing.end(of: claims) {
            authState.counters.refreshes.add(.refused)
            throw end
        }
        let request = RefreshRequest(
            claims: claims, scope: scope, audience: audience, client: client, cookies: cookies, now: now)
        guard let user else {
            return try rotate(request, for: .success(standing.externalUser(of: claims)), then)
        }
        let answer = authState.accounts.user(id: user) { result in
            onLoop { context in
                do throws(RefreshFailure) {
                    try RotateSession(context).rotate(request, for: result, then)
                } catch {
                    then(.failure(error))
                }
            }
        }
        if case .now(let user) = answer { try rotate(request, for: .success(user), then) }
    }

    /// Signs the successor, then passes the rotation to the journal.
    private func rotate(
        _ refresh: RefreshRequest, for found: Result<User?, AccountSourceError>, _ then: @escaping Completion
    ) throws(RefreshFailure) {
        let user: User?
        do throws(AccountSourceError) { user = try found.get() } catch {
            authState.counters.refreshes.add(.unavailable)
            throw .internalFault("accounts: \(error.reason)")
        }
        let claims = refresh.claims
        guard let user, user.standing.admits(session: claims.sid) else { throw accountEnded() }
        let client = refresh.client
        let granted = try grant(of: claims, scope: refresh.scope, audience: refresh.audience, to: user, client)
        let prepared = try prepareSuccessor(
            of: claims, scope: granted.scope, audience: granted.audience, to: user, client: client, at: refresh.now)
        if let cookies = refresh.cookies, let prepared, !cookies.fits(prepared) { throw .tooLargeForCookie }
        let attempt = RefreshAttempt(
            claims: claims, scope: granted.scope, audience: granted.audience, client: client, user: user,
            prepared: prepared, isByCookie: refresh.cookies != nil)
        var request = RotationRequest(
            sid: claims.sid, generation: claims.generation, request: granted.fingerprint,
            sessionEnd: claims.sessionEnd.milliseconds,
            // Never so long that the repeated access token has little of its lifetime left.
            repeatTime: refresh.cookies == nil ? 0 : (prepared?.expiresIn ?? 0) * 500)
        request.birth = claims.birth
        authState.revocations.rotate(
            request, subject: Array(claims.subject.utf8), client: Array(claims.clientID.utf8),
            kid: Array(claims.kid.utf8)
        ) {
            then(.success(PendingRefresh(attempt: attempt, outcome: $0)))
        }
    }

    private func accountEnded() -> RefreshFailure {
        authState.counters.refreshes.add(.refused)
        return .accountEnded
    }

    /// Returns the successor after its rotation is durable.
    /// - Returns: the tokens, and whether they repeat an earlier answer.
    package func complete(_ refresh: PendingRefresh) throws(RefreshFailure) -> (pair: TokenPair, isReplay: Bool) {
        let attempt = refresh.attempt
        switch refresh.outcome {
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
            let isReplaced = attempt.isByCookie && authState.revocations.isReplaced(attempt.claims.sid)
            throw denial == .session && isReplaced ? .replaced : .revoked(denial)
        case .unavailable(let fault):
            authState.counters.refreshes.add(.unavailable)
            throw .unavailable("\(fault)")
        }
    }

    private func verify(
        _ token: Span<UInt8>, _ client: Client?, at now: UnixMilliseconds
    ) throws(RefreshFailure) -> RefreshClaims {
        let claims: RefreshClaims
        do throws(TokenRejection) {
            claims = try SessionStanding(context).verify(token, at: now)
        } catch {
            authState.counters.refreshes.add(.refused)
            throw .rejected(error)
        }
        do throws(OwnershipFailure) {
            try TokenOwnership.check(claims.clientID, client, firstParty: .unauthenticatedCaller)
        } catch {
            throw .notOwner(error)
        }
        return claims
    }

    /// What the successor grants: never more than the session, the user and the client have now.
    private func grant(
        of claims: RefreshClaims, scope: Scope?, audience: String?, to user: User, _ client: Client?
    ) throws(RefreshFailure) -> (scope: String, audience: String, fingerprint: UInt32) {
        let granted = Scope(claims.scope) ?? Scope(names: [])
        // In the order of the session: a repeated request may name the same scopes in another order.
        let wanted = scope?.ordered(like: granted) ?? granted
        let allowed = wanted.filter { user.scopes.contains($0) && client?.mayUse(scope: $0) ?? true }
        guard scope == nil || (wanted.isWithin(granted) && wanted.isWithin(allowed)) else { throw .scopeInvalid }
        guard let target = audience ?? claims.audience.first, claims.audience.contains(target),
            authState.settings.audiences.contains(target), client?.mayUse(audience: target) ?? true
        else { throw .audienceInvalid }
        return (allowed.text, target, Self.fingerprint(scope: wanted.text, audience: target))
    }

    /// Signs everything that the answer needs, before the token is used up.
    ///
    /// - Returns: `nil` for a token that cannot rotate; the revocation store decides what the answer to it is.
    private func prepareSuccessor(
        of claims: RefreshClaims, scope: String, audience: String, to user: User, client: Client?,
        at now: UnixMilliseconds
    ) throws(RefreshFailure) -> TokenPair? {
        guard claims.generation == authState.revocations.generation(of: claims.sid), claims.generation < .max,
            SessionStanding(context).denial(of: claims) == nil
        else { return nil }
        let session = session(after: claims, generation: claims.generation + 1, at: now)
        return try sign(session, scope: scope, audience: audience, to: user, client: client)
    }

    /// The tokens of a durable rotation. They were signed before. If the journal dates the rotation to another second, they
    /// are signed again, because a replay knows only the journal's time and must return the same bytes.
    private func rotated(
        _ attempt: RefreshAttempt, generation: UInt32, at milliseconds: UnixMilliseconds
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
        of attempt: RefreshAttempt, generation: UInt32, at milliseconds: UnixMilliseconds
    ) throws(RefreshFailure) -> TokenPair {
        let session = session(after: attempt.claims, generation: generation, at: milliseconds)
        return try sign(
            session, scope: attempt.scope, audience: attempt.audience, to: attempt.user, client: attempt.client)
    }

    private func session(after claims: RefreshClaims, generation: UInt32, at milliseconds: UnixMilliseconds)
        -> RefreshClaims
    {
        var session = claims
        session.generation = generation
        // The time of a shared ledger alone: another process must return the same bytes. The journal's time is ahead of the
        // clock only after the clock was wrong, and that must not extend the lifetime of tokens.
        let isShared = authState.revocations.isShared
        session.issuedAt = (isShared ? milliseconds : min(milliseconds, authState.clock.now)).seconds
        session.expiresAt = min(session.issuedAt.adding(seconds: authState.settings.refreshIdle), session.sessionEnd)
        return session
    }

    private func sign(
        _ session: RefreshClaims, scope: String, audience: String, to user: User, client: Client?
    ) throws(RefreshFailure) -> TokenPair {
        do throws(IssueError) {
            return try SessionTokens(context).issue(session, scope: scope, audience: audience, to: user, client: client)
        } catch {
            guard error.isAboutKeys else { throw .internalFault("\(error)") }
            authState.counters.refreshes.add(.unavailable)
            throw .signingUnavailable("\(error)")
        }
    }

    /// Distinguishes two requests with one token, so that a replay repeats exactly the first answer.
    private static func fingerprint(scope: String, audience: String) -> UInt32 {
        var named: [UInt8] = []
        named.reserveCapacity(scope.utf8.count + 1 + audience.utf8.count)
        named.append(scope.utf8.span)
        named.append(0)
        named.append(audience.utf8.span)
        return CRC32C.checksum(named.span, seed: 0)
    }
}
