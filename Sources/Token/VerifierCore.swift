import Octets

/// What ``Verifier`` owns, as one value: a single exclusivity check a call instead of one for each buffer.
struct VerifierCore: ~Copyable {
    private var stage: SignatureStage
    private(set) var document = JSONDocument()
    private var audienceNode: JSONDocument.Node?
    private var rolesNode: JSONDocument.Node?
    private let keyring: Keyring
    private let issuer: [UInt8]
    private let leeway: Int64

    init(keyring: Keyring, issuer: String, leeway: Int64) throws(KeyFault) {
        stage = try SignatureStage(keyring: keyring)
        self.keyring = keyring
        self.issuer = Array(issuer.utf8)
        self.leeway = min(max(leeway, 0), 60)
    }

    var payload: [UInt8] { stage.payload }

    mutating func verify(
        _ token: Span<UInt8>, audience: AudienceExpectation, now: Int64
    ) throws(TokenRejection) -> VerifiedClaims {
        forget()
        let outcome = try stage.check(token, for: .access, at: now)
        // Another reference, not another copy: a span of the stage's own array would hold all of `self`.
        let octets = stage.payload
        let payload = octets.span
        let table = try ClaimTable(payload, using: &document)
        guard outcome.isExpectedType else { throw .typMismatch }
        let issuerNode = try table.required(.issuer)
        guard document.isEqual(issuerNode, issuer.span, in: payload) else { throw .issuerMismatch }
        try checkAudience(try table.required(.audience), audience, in: payload)
        let claims = try VerifiedClaims(
            table, document, in: payload, kid: keyring.kids[outcome.keyIndex], keyIndex: outcome.keyIndex,
            algorithm: keyring.keys[outcome.keyIndex].algorithm)
        let seconds = secondsBelow(now)
        if let node = table[.notBefore] {
            guard try document.time(.notBefore, node, in: payload) <= seconds + leeway else { throw .notActive }
        }
        guard seconds < claims.expiresAt + leeway else { throw .expired }
        audienceNode = table[.audience]
        rolesNode = table[.roles]
        return claims
    }

    mutating func verifyRefresh(_ token: Span<UInt8>, now: Int64) throws(TokenRejection) -> RefreshClaims {
        forget()
        let outcome = try stage.check(token, for: .refresh, at: now)
        let octets = stage.payload
        let payload = octets.span
        let table = try ClaimTable(payload, using: &document)
        guard outcome.isExpectedType else { throw .typMismatch }
        try checkAudience(try table.required(.audience), .one(issuer), in: payload)
        let claims = try RefreshClaims(table, document, in: payload, kid: keyring.keys[outcome.keyIndex].kid)
        let seconds = secondsBelow(now)
        guard seconds < claims.sessionEnd else { throw .expired }
        guard seconds < claims.expiresAt else { throw .idle }
        return claims
    }

    /// The names in `aud`, as a list also if there is one alone.
    func audiences() -> [String] {
        guard let audienceNode else { return [] }
        let payload = stage.payload.span
        if let name = document.string(audienceNode, in: payload) { return [name] }
        return (try? document.texts(.audience, audienceNode, in: payload)) ?? []
    }

    func roles() -> [String] {
        guard let rolesNode else { return [] }
        return (try? document.texts(.roles, rolesNode, in: stage.payload.span)) ?? []
    }

    func hasRole(_ role: [UInt8]) -> Bool {
        guard let rolesNode, document.kind(rolesNode) == .array else { return false }
        let payload = stage.payload.span
        for node in document.children(rolesNode) where document.isEqual(node, role.span, in: payload) { return true }
        return false
    }

    private mutating func forget() {
        audienceNode = nil
        rolesNode = nil
    }

    /// `aud` is one string or a list of strings (E6); anything else in it makes it invalid.
    private func checkAudience(
        _ node: JSONDocument.Node, _ expected: AudienceExpectation, in payload: Span<UInt8>
    ) throws(TokenRejection) {
        switch document.kind(node) {
        case .string:
            guard isExpected(node, expected, in: payload) else { throw .audienceMismatch }
        case .array:
            var isFound = false
            var element = node + 1
            for _ in 0..<document.count(node) {
                guard document.kind(element) == .string else { throw .claimInvalid(.audience) }
                if !isFound { isFound = isExpected(element, expected, in: payload) }
                element = document.node(after: element)
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
        case .one(let name): return document.isEqual(node, name.span, in: payload)
        case .anyOf(let names):
            for name in names where document.isEqual(node, name.span, in: payload) { return true }
            return false
        }
    }

    /// Whole seconds; a clock beyond every date counts as just that.
    private func secondsBelow(_ milliseconds: Int64) -> Int64 {
        let seconds = milliseconds >= 0 ? milliseconds / 1_000 : -1
        return min(seconds, NumericDate.range.upperBound + 1)
    }
}
