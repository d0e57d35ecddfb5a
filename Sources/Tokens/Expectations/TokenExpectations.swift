import Encoding
package import JOSE
package import Platform

/// The expected claims of a token of any issuer, checked after its signature (RFC 7519 §4.1, RFC 8725 §3).
///
/// Claims without an expectation are not checked, with these exceptions: `exp` is required and must be in the future,
/// `nbf` must not be in the future, `iat` must not be far in the future, and `typ` must be that of an access token,
/// `JWT`, or missing.
package struct TokenExpectations: Sendable {
    /// Seconds by which `iat` may be in the future, for issuers whose clock is ahead; a later `iat` gives an attacker
    /// nothing.
    private static let issueTolerance: Int64 = 60

    package var issuer: String?
    /// The token's `aud` must contain at least one of these; empty for no check.
    package var audiences: [String] = []
    package var subject: String?
    /// Each must be in `scope`, or in `scp` if there is no `scope`; either is a string or a list of strings.
    package var scopes: [String] = []
    package var claims: [ClaimExpectation] = []
    /// The maximum seconds since `auth_time`, or since `iat` of a token without `auth_time`.
    package var ageMax: Int64?
    /// The only accepted `typ`, compared without regard to case, with `application/` optional (RFC 7515 §4.1.9).
    package var type: String?
    /// Seconds by which the current time may be past `exp` or before `nbf`, at most ``TokenLimits/leewayMax``.
    package var leeway: Int64 = 0

    package init() {}

    /// Checks the claims of a token whose signature is valid.
    ///
    /// - Parameters:
    ///   - payload: the decoded payload, as signed.
    ///   - typ: the header's `typ`.
    package func check(_ payload: [UInt8], typ: String?, now: UnixMilliseconds) throws(ExpectationError)
        -> CheckedClaims
    {
        guard isExpected(typ) else { throw .rejected(.typMismatch) }
        let octets = payload.span
        // Enough for the longest token that is accepted: long lists of groups with short names.
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536))
        let claims: CheckedClaims
        do throws(TokenRejection) {
            let table = try ClaimTable(octets, using: &document)
            try checkIssuer(table, document, octets)
            try checkAudience(table, document, octets)
            claims = try CheckedClaims(table, document, octets)
            try checkTimes(table, document, octets, now: Self.bounded(now))
        } catch {
            throw .rejected(error)
        }
        try check(claims, seconds: Self.bounded(now).seconds)
        let wanted = scopes.map { Array($0.utf8) }
        guard wanted.isEmpty || Self.scopes(document, octets).isSuperset(of: wanted) else { throw .scopeInsufficient }
        for claim in self.claims where !claim.isMet(by: document, octets) { throw .claimMismatch(claim.path.text) }
        return claims
    }

    private func check(_ claims: CheckedClaims, seconds: UnixSeconds) throws(ExpectationError) {
        if let issuedAt = claims.issuedAt {
            guard issuedAt <= seconds.adding(seconds: Self.issueTolerance + boundedLeeway) else { throw .issuedAhead }
        }
        if let ageMax {
            guard let begin = claims.authTime ?? claims.issuedAt else { throw .rejected(.claimMissing(.issuedAt)) }
            guard seconds.seconds(since: begin) <= ageMax else { throw .tooOld }
        }
        if let subject {
            guard let found = claims.subject else { throw .rejected(.claimMissing(.subject)) }
            guard found == Array(subject.utf8) else { throw .subjectMismatch }
        }
    }

    private func checkTimes(
        _ table: ClaimTable, _ document: JSONDocument, _ payload: Span<UInt8>, now: UnixMilliseconds
    ) throws(TokenRejection) {
        // In milliseconds, so that fractions of a second count exactly.
        if let node = table[.notBefore] {
            let notBefore = try document.foreignTime(.notBefore, node, in: payload)
            guard notBefore.millisecondsRoundedUp <= now.adding(seconds: boundedLeeway) else { throw .notActive }
        }
        let expiresAt = try document.foreignTime(.expiresAt, try table.required(.expiresAt), in: payload)
        guard now < expiresAt.millisecondsRoundedDown.adding(seconds: boundedLeeway) else { throw .expired }
    }

    private func checkIssuer(
        _ table: ClaimTable, _ document: JSONDocument, _ payload: Span<UInt8>
    ) throws(TokenRejection) {
        guard let issuer else { return }
        guard document.isEqual(try table.required(.issuer), Array(issuer.utf8).span, in: payload) else {
            throw .issuerMismatch
        }
    }

    private func checkAudience(
        _ table: ClaimTable, _ document: JSONDocument, _ payload: Span<UInt8>
    ) throws(TokenRejection) {
        guard !audiences.isEmpty || table[.audience] != nil else { return }
        let node = try table.required(.audience)
        let names: [String]
        if let name = document.string(node, in: payload) {
            names = [name]
        } else {
            names = try document.texts(.audience, node, in: payload)
        }
        guard audiences.isEmpty || names.contains(where: { name in audiences.contains { $0.isSpelled(as: name) } })
        else {
            throw .audienceMismatch
        }
    }

    private func isExpected(_ typ: String?) -> Bool {
        guard let type else {
            return typ.map { found in ["jwt", "at+jwt"].contains { Self.isType(found, $0) } } ?? true
        }
        return typ.map { Self.isType($0, type) } ?? false
    }

    private static func isType(_ found: String, _ wanted: String) -> Bool {
        bare(found) == bare(wanted)
    }

    /// Returns the type in lower case, without `application/` if no other slash follows.
    private static func bare(_ type: String) -> [UInt8] {
        let lower = type.utf8.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        let prefix = Array("application/".utf8)
        let rest = Array(lower.dropFirst(prefix.count))
        return lower.starts(with: prefix) && !rest.contains(UInt8(ascii: "/")) ? rest : lower
    }

    private static func scopes(_ document: JSONDocument, _ payload: Span<UInt8>) -> Set<[UInt8]> {
        guard
            let node = document.member("scope", of: 0, in: payload) ?? document.member("scp", of: 0, in: payload)
        else { return [] }
        if let text = document.bytes(node, in: payload) {
            return Set(text.split(separator: UInt8(ascii: " ")).map(Array.init))
        }
        return Set(document.children(node).compactMap { document.bytes($0, in: payload) })
    }

    private var boundedLeeway: Int64 { TokenLimits.standard.leeway(leeway) }

    /// Returns the time clamped to the range of dates, so that no sum overflows.
    private static func bounded(_ now: UnixMilliseconds) -> UnixMilliseconds {
        min(max(now, 0), NumericDate.range.upperBound.adding(seconds: 1).milliseconds)
    }
}

/// Why a correctly signed token does not meet the caller's expectations.
package enum ExpectationError: Error, Equatable, Sendable {
    case rejected(TokenRejection)
    /// `iat` is further in the future than the tolerance for clocks.
    case issuedAhead
    case subjectMismatch
    case scopeInsufficient
    case tooOld
    /// - Parameter 0: the claim as the caller named it.
    case claimMismatch(String)
}

/// The registered claims of a token that met every expectation.
package struct CheckedClaims: Equatable, Sendable {
    package let issuer: [UInt8]?
    package let subject: [UInt8]?
    /// A fraction, as in all times here, is rounded down, and the value is clamped to
    /// ±``JSONNumber/integerMax``.
    package let expiresAt: UnixSeconds
    package let issuedAt: UnixSeconds?
    package let authTime: UnixSeconds?

    init(_ table: ClaimTable, _ document: JSONDocument, _ payload: Span<UInt8>) throws(TokenRejection) {
        issuer = try Self.text(.issuer, table, document, payload)
        subject = try Self.text(.subject, table, document, payload)
        expiresAt = try document.foreignTime(.expiresAt, try table.required(.expiresAt), in: payload).secondsRoundedDown
        issuedAt = try Self.time(.issuedAt, table, document, payload)
        authTime = try Self.time(.authTime, table, document, payload)
    }

    private static func text(
        _ claim: Claim, _ table: ClaimTable, _ document: JSONDocument, _ payload: Span<UInt8>
    ) throws(TokenRejection) -> [UInt8]? {
        guard let node = table[claim] else { return nil }
        guard let octets = document.bytes(node, in: payload) else { throw .claimInvalid(claim) }
        return octets
    }

    private static func time(
        _ claim: Claim, _ table: ClaimTable, _ document: JSONDocument, _ payload: Span<UInt8>
    ) throws(TokenRejection) -> UnixSeconds? {
        guard let node = table[claim] else { return nil }
        return try document.foreignTime(claim, node, in: payload).secondsRoundedDown
    }
}

extension JSONDocument {
    /// Reads a NumericDate of another issuer: any JSON number, with or without a fraction (RFC 7519 §2).
    ///
    /// - Throws: `.claimInvalid` if the value is not a number or its exponent is beyond one million.
    fileprivate func foreignTime(
        _ claim: Claim, _ node: Node, in payload: Span<UInt8>
    ) throws(TokenRejection) -> JSONNumber {
        guard let number = number(node, in: payload) else { throw .claimInvalid(claim) }
        return number
    }
}
