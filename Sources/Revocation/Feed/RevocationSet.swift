package import Encoding
package import Platform

/// What a verifier must know of a token to compare it with revocations.
package struct RevocableToken: Sendable {
    package var jti: UUID
    /// Nil for the token of a client itself.
    package var sid: UUID?
    package var issuedAt: UnixMilliseconds
    /// The sequence number of the last record that was applied when the session began; nil in a token without it.
    package var birth: UInt64?
    package var subject: [UInt8]
    package var client: [UInt8]
    package var kid: [UInt8]

    package init(
        jti: UUID, sid: UUID?, issuedAt: UnixMilliseconds, birth: UInt64?, subject: [UInt8], client: [UInt8],
        kid: [UInt8]
    ) {
        self.jti = jti
        self.sid = sid
        self.issuedAt = issuedAt
        self.birth = birth
        self.subject = subject
        self.client = client
        self.kid = kid
    }
}

/// The revocations of a snapshot or a feed, for a verifier that is not a service. Every identifier is kept whole.
///
/// It keeps expired records, which do no harm: their tokens have expired too.
package struct RevocationSet: Sendable {
    private struct Exempted: Hashable {
        let sid: UUID
        let kind: RevokeBeforeKind
    }

    /// A moment in both orders.
    private struct Before {
        /// The high half of a UUIDv7.
        var value: UInt64
        var seq: UInt64

        mutating func raise(to other: Before) {
            value = max(value, other.value)
            seq = max(seq, other.seq)
        }

        /// Whether what began at `born`, or at the sequence number `birth` if that is known, came before.
        func includes(born: UInt64, birth: UInt64?) -> Bool { birth.map { $0 < seq } ?? (born < value) }
    }

    private var tokens: Set<UUID> = []
    private var sessions: Set<UUID> = []
    /// By a key that the kind is a part of.
    private var cuts: [UUID: Before] = [:]
    private var exempted: [Exempted: Before] = [:]

    package init() {}

    package var count: Int { tokens.count &+ sessions.count &+ cuts.count &+ exempted.count }

    package mutating func insert(_ record: FeedRecord) {
        switch record.event {
        case .tokenRevoked(let jti, _, _, _): tokens.insert(jti)
        case .sessionRevoked(let sid, _, _): sessions.insert(sid)
        case .revokedBefore(let cut, _, let key, _, _):
            let before = Before(value: cut.value, seq: record.beforeSeq ?? 0)
            cuts[key, default: before].raise(to: before)
        case .exempted(let sid, let cut, let kind, _):
            let before = Before(value: cut.value, seq: record.beforeSeq ?? 0)
            exempted[Exempted(sid: sid, kind: kind), default: before].raise(to: before)
        case .sessionDisplaced, .rotated, .sessionOpened, .sessionListed, .epochBegan, .processStarted: break
        }
    }

    /// Returns why a correctly signed token is rejected, or nil.
    package func denial(_ token: RevocableToken) -> Denial? {
        if tokens.contains(token.jti) { return .token }
        if let sid = token.sid, sessions.contains(sid) { return .session }
        if isCut(.all, [], token) { return .all }
        if cuts[RevokeBeforeTable.key(.key, token.kid.span)] != nil { return .key }
        if isCut(.client, token.client, token) { return .client }
        if isCut(.subject, token.subject, token) { return .subject }
        return nil
    }

    private func isCut(_ kind: RevokeBeforeKind, _ name: [UInt8], _ token: RevocableToken) -> Bool {
        guard let cut = cuts[RevokeBeforeTable.key(kind, name.span)] else { return false }
        let issued = token.jti.isVersion7 ? token.jti.high : UUID.version7High(milliseconds: token.issuedAt)
        guard cut.includes(born: token.sid?.high ?? issued, birth: token.birth) else { return false }
        guard let sid = token.sid, let exemption = exempted[Exempted(sid: sid, kind: kind)] else { return true }
        return token.birth == nil ? exemption.value < cut.value : exemption.seq < cut.seq
    }
}
