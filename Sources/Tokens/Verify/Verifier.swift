import Encoding
package import JOSE
package import Keys
package import Platform

/// Verifies tokens: synchronous, without I/O and without a clock.
///
/// Each event loop owns one: its buffers and contexts are reused, so that a valid HS256 token allocates nothing here. A
/// change of keys makes a new one.
package final class Verifier {
    package let keyring: Keyring
    /// The names of the keyring's keys as bytes, in its order.
    private let kids: [[UInt8]]
    private let issuer: [UInt8]
    private let opening: [UInt8]
    private let refreshOpening: [UInt8]
    private let leeway: Int64
    private var stage: SignatureStage
    private var parsed = JSONDocument()

    /// - Parameters:
    ///   - issuer: the only accepted `iss` (RFC 9068 §4).
    ///   - leeway: seconds by which the current time may be past `exp` or before `nbf`, 0 to 60.
    package init(keyring: Keyring, issuer: String, leeway: Int64) throws(KeyError) {
        self.keyring = keyring
        kids = keyring.keys.map { Array($0.kid.utf8) }
        self.issuer = Array(issuer.utf8)
        opening = IssuedShape.opening(issuer: issuer)
        refreshOpening = RefreshShape.opening(issuer: issuer)
        self.leeway = TokenLimits.standard.leeway(leeway)
        stage = try SignatureStage(keyring: keyring)
    }

    /// Verifies an access token (RFC 9068 §4): structure, key, signature, then claims.
    package func verify(
        _ token: Span<UInt8>, audience: AudienceExpectation, now: UnixMilliseconds
    ) throws(TokenRejection) -> VerifiedToken {
        let outcome = try stage.check(token, for: .access, at: now)
        // A span of a stored property of a class would outlive its access.
        let (payload, opening, issuer) = (stage.payload, opening, issuer)
        if outcome.isExpectedType, let shape = IssuedShape(payload.span, opening: opening.span) {
            try check(shape, audience, in: payload.span, now: now)
            return VerifiedToken(shape, in: payload, signer(outcome))
        }
        let bytes = payload.span
        let table = try ClaimTable(bytes, using: &parsed)
        guard outcome.isExpectedType else { throw .typMismatch }
        let issuerNode = try table.required(.issuer)
        guard parsed.isEqual(issuerNode, issuer.span, in: bytes) else { throw .issuerMismatch }
        try checkAudience(try table.required(.audience), audience, in: bytes)
        let verified = try VerifiedToken(table, parsed, in: payload, signer(outcome))
        let seconds = secondsBelow(now)
        if let node = table[.notBefore] {
            guard try parsed.time(.notBefore, node, in: bytes) <= seconds.adding(seconds: leeway) else {
                throw .notActive
            }
        }
        guard seconds < verified.expiresAt.adding(seconds: leeway) else { throw .expired }
        return verified
    }

    /// Verifies a refresh token. No leeway, because the server itself issued the token with the same clock.
    package func verifyRefresh(_ token: Span<UInt8>, now: UnixMilliseconds) throws(TokenRejection) -> RefreshClaims {
        let outcome = try stage.check(token, for: .refresh, at: now)
        let (decoded, opening) = (stage.payload, refreshOpening)
        let payload = decoded.span
        let kid = keyring.keys[outcome.keyIndex].kid
        let claims: RefreshClaims
        if outcome.isExpectedType, let found = RefreshShape.claims(payload, opening: opening.span, kid: kid) {
            claims = found
        } else {
            let table = try ClaimTable(payload, using: &parsed)
            guard outcome.isExpectedType else { throw .typMismatch }
            try checkAudience(try table.required(.audience), .one(issuer), in: payload)
            claims = try RefreshClaims(table, parsed, in: payload, kid: kid)
        }
        let seconds = secondsBelow(now)
        guard seconds < claims.sessionEnd else { throw .expired }
        guard seconds < claims.expiresAt else { throw .idle }
        return claims
    }

    /// Verifies a device token, without leeway like a refresh token.
    package func verifyDevice(_ token: Span<UInt8>, now: UnixMilliseconds) throws(TokenRejection) -> DeviceClaims {
        let outcome = try stage.check(token, for: .device, at: now)
        let decoded = stage.payload
        let payload = decoded.span
        let table = try ClaimTable(payload, using: &parsed)
        guard outcome.isExpectedType else { throw .typMismatch }
        try checkAudience(try table.required(.audience), .one(issuer), in: payload)
        let claims = try DeviceClaims(table, parsed, in: payload, kid: keyring.keys[outcome.keyIndex].kid)
        guard secondsBelow(now) < claims.expiresAt else { throw .expired }
        return claims
    }

    private func signer(_ outcome: SignatureStage.Outcome) -> VerifiedToken.Signer {
        let index = outcome.keyIndex
        return VerifiedToken.Signer(index: index, kid: kids[index], algorithm: keyring.keys[index].algorithm)
    }

    /// Makes the same checks in the same order, for a payload as the server writes it: without `nbf`, with one
    /// audience.
    private func check(
        _ shape: IssuedShape, _ audience: AudienceExpectation, in payload: Span<UInt8>, now: UnixMilliseconds
    ) throws(TokenRejection) {
        let name = payload.extracting(shape.audience)
        let isExpected: Bool
        switch audience {
        case .one(let expected): isExpected = name.hasSameBytes(as: expected.span)
        case .anyOf(let expected): isExpected = expected.contains { name.hasSameBytes(as: $0.span) }
        }
        guard isExpected else { throw .audienceMismatch }
        guard secondsBelow(now) < shape.expiresAt.adding(seconds: leeway) else { throw .expired }
    }

    /// Checks `aud`, one string or a list of strings (RFC 7519 §4.1.3); a value of another type is invalid.
    private func checkAudience(
        _ node: JSONDocument.Node, _ expected: AudienceExpectation, in payload: Span<UInt8>
    ) throws(TokenRejection) {
        switch parsed.kind(node) {
        case .string:
            guard isExpected(node, expected, in: payload) else { throw .audienceMismatch }
        case .array:
            var isFound = false
            var element = node + 1
            for _ in 0..<parsed.count(node) {
                guard parsed.kind(element) == .string else { throw .claimInvalid(.audience) }
                if !isFound { isFound = isExpected(element, expected, in: payload) }
                element = parsed.node(after: element)
            }
            guard isFound else { throw .audienceMismatch }
        default:
            throw .claimInvalid(.audience)
        }
    }

    private func isExpected(
        _ node: JSONDocument.Node, _ expected: AudienceExpectation, in payload: Span<UInt8>
    ) -> Bool {
        switch expected {
        case .one(let name): return parsed.isEqual(node, name.span, in: payload)
        case .anyOf(let names):
            for name in names where parsed.isEqual(node, name.span, in: payload) { return true }
            return false
        }
    }

    /// Returns whole seconds, clamped to just beyond the range of dates.
    private func secondsBelow(_ now: UnixMilliseconds) -> UnixSeconds {
        min(max(now.seconds, -1), NumericDate.range.upperBound.adding(seconds: 1))
    }
}
