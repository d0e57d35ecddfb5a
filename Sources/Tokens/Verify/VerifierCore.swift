import Encoding
import JOSE
import Keys

/// The state of ``Verifier`` as one value, which costs one exclusivity check per call instead of one per buffer.
struct VerifierCore: ~Copyable {
    private var stage: SignatureStage
    private var parsed = JSONDocument()
    /// Whether ``parsed`` is the last token's; a payload of the usual form is parsed only when other claims are read.
    private var isParsed = false
    /// Whether the last token passed every check; the claims of a rejected token are not readable (RFC 7519 §7.2).
    private var isAccepted = false
    private let keyring: Keyring
    private let issuer: [UInt8]
    private let opening: [UInt8]
    private let leeway: Int64

    init(keyring: Keyring, issuer: String, leeway: Int64) throws(KeyError) {
        stage = try SignatureStage(keyring: keyring)
        self.keyring = keyring
        self.issuer = Array(issuer.utf8)
        opening = IssuedShape.opening(issuer: issuer)
        self.leeway = TokenLimits.standard.leeway(leeway)
    }

    var payload: [UInt8] { stage.payload }

    func writePayload(to output: inout [UInt8]) {
        output.append(stage.payload.span)
    }

    /// The parsed ``payload``; empty unless the last token was accepted.
    var document: JSONDocument {
        mutating get {
            guard isAccepted else { return JSONDocument() }
            if !isParsed {
                let octets = stage.payload
                isParsed = (try? parsed.parse(octets.span)) != nil
            }
            return parsed
        }
    }

    mutating func verify(
        _ token: Span<UInt8>, audience: AudienceExpectation, now: Int64
    ) throws(TokenRejection) -> VerifiedClaims {
        isParsed = false
        isAccepted = false
        let outcome = try stage.check(token, for: .access, at: now)
        if outcome.isExpectedType, let shape = IssuedShape(stage.payload.span, opening: opening.span) {
            let claims = try verify(shape, outcome, audience, in: stage.payload.span, now: now)
            isAccepted = true
            return claims
        }
        // Another reference, not another copy: a span of the stage's own array would borrow all of `self`.
        let octets = stage.payload
        let payload = octets.span
        let table = try ClaimTable(payload, using: &parsed)
        isParsed = true
        guard outcome.isExpectedType else { throw .typMismatch }
        let issuerNode = try table.required(.issuer)
        guard parsed.isEqual(issuerNode, issuer.span, in: payload) else { throw .issuerMismatch }
        try checkAudience(try table.required(.audience), audience, in: payload)
        let claims = try VerifiedClaims(
            table, parsed, in: payload, keyIndex: outcome.keyIndex,
            algorithm: keyring.keys[outcome.keyIndex].algorithm)
        let seconds = secondsBelow(now)
        if let node = table[.notBefore] {
            guard try parsed.time(.notBefore, node, in: payload) <= seconds + leeway else { throw .notActive }
        }
        guard seconds < claims.expiresAt + leeway else { throw .expired }
        isAccepted = true
        return claims
    }

    /// Makes the same checks in the same order, for a payload as the server writes it: without `nbf`, with one
    /// audience.
    private func verify(
        _ shape: IssuedShape, _ outcome: SignatureStage.Outcome, _ audience: AudienceExpectation,
        in payload: Span<UInt8>,
        now: Int64
    ) throws(TokenRejection) -> VerifiedClaims {
        let name = payload.extracting(shape.audience)
        let isExpected: Bool
        switch audience {
        case .one(let expected): isExpected = name.hasSameBytes(as: expected.span)
        case .anyOf(let expected): isExpected = expected.contains { name.hasSameBytes(as: $0.span) }
        }
        guard isExpected else { throw .audienceMismatch }
        guard secondsBelow(now) < shape.expiresAt + leeway else { throw .expired }
        return VerifiedClaims(
            shape, keyIndex: outcome.keyIndex,
            algorithm: keyring.keys[outcome.keyIndex].algorithm)
    }

    mutating func verifyRefresh(_ token: Span<UInt8>, now: Int64) throws(TokenRejection) -> RefreshClaims {
        isParsed = false
        isAccepted = false
        let outcome = try stage.check(token, for: .refresh, at: now)
        let octets = stage.payload
        let payload = octets.span
        let table = try ClaimTable(payload, using: &parsed)
        isParsed = true
        guard outcome.isExpectedType else { throw .typMismatch }
        try checkAudience(try table.required(.audience), .one(issuer), in: payload)
        let claims = try RefreshClaims(table, parsed, in: payload, kid: keyring.keys[outcome.keyIndex].kid)
        let seconds = secondsBelow(now)
        guard seconds < claims.sessionEnd else { throw .expired }
        guard seconds < claims.expiresAt else { throw .idle }
        return claims
    }

    /// What the last token named as its issuer, for a log line about its rejection; nil unless that is a short string.
    mutating func namedIssuer() -> String? {
        let payload = stage.payload
        isParsed = (try? parsed.parse(payload.span)) != nil
        guard isParsed, let node = parsed.member("iss", of: 0, in: payload.span),
            let text = parsed.string(node, in: payload.span), text.utf8.count <= 256
        else { return nil }
        return text
    }

    /// The names in `aud`, as a list also if there is one alone.
    mutating func audiences() -> [String] {
        let document = document
        let payload = stage.payload
        guard let node = document.member("aud", of: 0, in: payload.span) else { return [] }
        if let name = document.string(node, in: payload.span) { return [name] }
        return (try? document.texts(.audience, node, in: payload.span)) ?? []
    }

    mutating func roles() -> [String] {
        let document = document
        let payload = stage.payload
        guard let node = document.member("roles", of: 0, in: payload.span) else { return [] }
        return (try? document.texts(.roles, node, in: payload.span)) ?? []
    }

    mutating func hasRole(_ role: [UInt8]) -> Bool {
        let document = document
        let payload = stage.payload
        guard let node = document.member("roles", of: 0, in: payload.span) else { return false }
        return document.children(node).contains { document.isEqual($0, role.span, in: payload.span) }
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
    private func secondsBelow(_ milliseconds: Int64) -> Int64 {
        let seconds = milliseconds >= 0 ? milliseconds / 1_000 : -1
        return min(seconds, NumericDate.range.upperBound + 1)
    }
}
