import Accounts
import Encoding
import JOSE
package import Platform
import Revocation
package import Tokens

/// Verifies an access token: structure, key, signature, claims, account, denylist, expectations, in this order.
///
/// Reads memory only.
package struct VerifyToken {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    package func verify(
        _ token: Span<UInt8>, _ expectations: VerifyExpectations, at now: UnixMilliseconds
    ) throws(VerifyFailure) -> VerifiedToken {
        if let knowledge = context.authState.knowledge, knowledge.rejectsAll { throw .stale }
        let verified: VerifiedToken
        do throws(TokenRejection) {
            verified = try SignedTokens(context).verify(token, expectations.audience, at: now)
        } catch {
            if let followed = context.authState.followed, error == .kidUnknown { followed.noteMissedKey() }
            throw failure(error, of: token)
        }
        try checkStanding(of: verified, at: now)
        if !expectations.isPlain { try check(verified, expectations, at: now) }
        return verified
    }

    /// Whether account, session and token are still valid.
    private func checkStanding(of token: VerifiedToken, at now: UnixMilliseconds) throws(VerifyFailure) {
        guard context.authState.followed == nil else { return try checkFollowed(token, at: now) }
        let payload = token.payload.span
        let subject = payload.extracting(token.subject)
        if let sid = token.sid {
            guard let id = UUID(subject) else { return try checkExternal(token, sid, at: now) }
            guard let standing = context.accounts.standing(of: id), standing.admits(session: sid) else {
                throw .accountEnded
            }
            try checkBegun(sid, at: now)
        } else if ClientStanding.isClient(subject) {
            return try ClientStanding(context).check(token, at: now)
        }
        try checkRevocations(of: token)
    }

    /// How far the clock of another server may be ahead of this one, in seconds.
    private static let followedLeeway: Int64 = 60

    /// Whether session and token are still valid on a server that follows another one. It knows neither users nor
    /// clients: what ends them there ends their tokens here by revocations.
    private func checkFollowed(_ token: VerifiedToken, at now: UnixMilliseconds) throws(VerifyFailure) {
        let payload = token.payload.span
        let begun = token.sid ?? (token.jti.isVersion7 ? token.jti : nil)
        if let begun, begun.milliseconds > now.adding(seconds: Self.followedLeeway) { throw .rejected(.notActive) }
        if token.sid == nil, ClientStanding.isClient(payload.extracting(token.subject)) {
            return try ClientStanding(context).checkRevocations(token)
        }
        try checkRevocations(of: token)
    }

    private func checkExternal(_ token: VerifiedToken, _ sid: UUID, at now: UnixMilliseconds) throws(VerifyFailure) {
        let subject = token.text(token.subject)
        guard ExternalUsers.isSubject(subject) else { throw .accountEnded }
        let client = token.text(token.clientID)
        guard ExternalUsers.admittingClient(of: subject, client, in: context.clients) != nil else {
            throw .revoked(.client)
        }
        try checkBegun(sid, at: now)
        try checkRevocations(of: token)
    }

    @inline(__always)
    private func checkRevocations(of token: VerifiedToken) throws(VerifyFailure) {
        let payload = token.payload.span
        let client = payload.extracting(token.clientID ?? 0..<0)
        let denial = context.authState.revocations.denial(
            jti: token.jti, sid: token.sid, issuedAt: token.issuedAt.milliseconds,
            birth: SignedTokens(context).birth(of: token),
            expiresAt: token.expiresAt.milliseconds,
            subject: payload.extracting(token.subject), client: client, kid: token.kid.span)
        if let denial { throw .revoked(denial) }
    }

    /// A session that began while the clock was ahead is not valid before its time: a revocation by time that was made since
    /// then would not include it.
    private func checkBegun(_ sid: UUID, at now: UnixMilliseconds) throws(VerifyFailure) {
        guard sid.milliseconds > now else { return }
        let leeway = context.authState.settings.leeway
        guard !context.authState.revocations.isAhead(sid, at: now, leewaySeconds: leeway) else {
            throw .rejected(.notActive)
        }
    }

    private func check(
        _ token: VerifiedToken, _ expectations: VerifyExpectations, at now: UnixMilliseconds
    ) throws(VerifyFailure) {
        if let ageMax = expectations.ageMax {
            guard let authTime = token.authTime, now.seconds.seconds(since: authTime) <= ageMax else {
                throw .authenticationTooOld
            }
        }
        let granted = token.payload[token.scope ?? 0..<0].split(separator: UInt8(ascii: " "))
        guard expectations.scopes.allSatisfy({ wanted in granted.contains { $0.elementsEqual(wanted) } }) else {
            throw .scopeInsufficient
        }
        if !expectations.roles.isEmpty {
            let roles = token.roles(using: &context.scratch)
            guard expectations.roles.allSatisfy(roles.contains) else { throw .roleInsufficient }
        }
        if let claims = expectations.claims { try check(token, claims) }
    }

    /// The issuer of a valid token is that of this server.
    private func check(_ token: VerifiedToken, _ expected: ExpectedClaims) throws(VerifyFailure) {
        if let issuer = expected.issuer {
            let own = context.authState.settings.issuer
            guard own.utf8.elementsEqual(issuer) else { throw .issuerMismatch(named: nil, expected: own) }
        }
        if let subject = expected.subject {
            guard token.payload[token.subject].elementsEqual(subject) else { throw .subjectMismatch }
        }
        if let client = expected.clientID {
            guard let named = token.clientID, token.payload[named].elementsEqual(client) else { throw .clientMismatch }
        }
        guard !expected.required.isEmpty || !expected.values.isEmpty else { return }
        let payload = token.payload.span
        guard (try? context.scratch.parse(payload)) != nil else { throw .claimMismatch }
        for path in expected.required {
            guard let node = path.find(in: context.scratch, payload), context.scratch.kind(node) != .null else {
                throw .claimMissing
            }
        }
        for value in expected.values {
            guard value.isMet(by: context.scratch, payload) else { throw .claimMismatch }
        }
    }

    /// Adds the issuer that a token names, since a changed setting is the usual cause of a mismatch. The signature of the
    /// token is valid, so its payload can be trusted.
    private func failure(_ rejection: TokenRejection, of token: Span<UInt8>) -> VerifyFailure {
        guard rejection == .issuerMismatch else { return .rejected(rejection) }
        let expected = context.authState.settings.issuer
        guard let payload = try? UnverifiedJWS(token).payload, (try? context.scratch.parse(payload.span)) != nil,
            let node = context.scratch.member("iss", of: 0, in: payload.span),
            let named = context.scratch.string(node, in: payload.span), named.utf8.count <= 256
        else { return .issuerMismatch(named: nil, expected: expected) }
        return .issuerMismatch(named: named, expected: expected)
    }
}
