package import Encoding
package import JOSE
package import Keys
import OpenSSL
package import Platform

/// Issues tokens. Each event loop owns one, because it contains signing contexts; a change of keys creates a new one.
///
/// For deterministic algorithms, the same grant gives the same token, so that a repeated request returns it again.
package final class Issuer {
    /// The maximum size of a token, so that it fits into a header field or a cookie.
    package static let byteCountMax = 4_096

    private enum SigningContext {
        case none
        case mac(MACContext)
        case signer(Signer)
    }

    private let keyring: Keyring
    private let issuer: String
    private let pens: [SigningContext]
    /// Memory for the payload of a token.
    private var buffer: [UInt8] = []

    package init(keyring: Keyring, issuer: String) throws(KeyError) {
        self.keyring = keyring
        self.issuer = issuer
        do { pens = try keyring.keys.map(Self.pen) } catch { throw .crypto(error) }
    }

    private static func pen(for key: Key) throws(CryptoError) -> SigningContext {
        switch key.material {
        case .secret(let secret): .mac(try MACContext(secret))
        case .pair(let pair): .signer(try Signer(pair))
        case .publicHalf: .none
        }
    }

    /// Issues an access token (RFC 9068 §2).
    ///
    /// - Parameter now: if no usable key signed at the grant's time, because that key was
    ///   compromised since, the key that signs at `now` is used.
    package func accessToken(_ grant: AccessGrant, now: UnixMilliseconds? = nil) throws(IssueError) -> [UInt8] {
        guard let keyIndex = index(signing: .access, grant.algorithm, at: grant.issuedAt, now: now) else {
            throw .noSigningKey(grant.algorithm)
        }
        var payload = beginPayload()
        try payload.name(.issuer, issuer)
        try payload.name(.subject, grant.subject)
        try payload.audience(grant.audience)
        try payload.name(.clientID, grant.clientID)
        try payload.time(.issuedAt, grant.issuedAt.seconds)
        try payload.time(.expiresAt, grant.expiresAt)
        payload.identifier(.tokenID, try tokenID(of: grant, now: now))
        payload.identifier(.sessionID, grant.sid)
        if let birth = grant.birth { payload.number(.birth, Int64(clamping: birth)) }
        if !grant.scope.isEmpty { try payload.name(.scope, grant.scope) }
        try payload.time(.authTime, grant.authTime)
        if !grant.methods.isEmpty { payload.texts(.methods, grant.methods) }
        if !grant.roles.isEmpty { payload.texts(.roles, grant.roles) }
        try payload.extra(grant.extra)
        return try seal(payload.finish(), keyIndex)
    }

    /// Issues a client's own access token, without session, time of login and methods.
    ///
    /// The lower half of its `jti` is derived as in a session's tokens, so that this server recognizes what it issued.
    package func clientToken(_ grant: ClientGrant) throws(IssueError) -> (token: [UInt8], id: UUID) {
        guard let keyIndex = keyring.index(signing: .access, grant.algorithm, at: grant.issuedAt) else {
            throw .noSigningKey(grant.algorithm)
        }
        let id = try clientTokenID(
            high: grant.identifierHigh, audience: grant.audience, clientID: grant.clientID,
            refreshKeyIndex(at: grant.issuedAt, now: nil))
        var payload = beginPayload()
        try payload.name(.issuer, issuer)
        try payload.name(.subject, grant.subject)
        try payload.audience(grant.audience)
        try payload.name(.clientID, grant.clientID)
        try payload.time(.issuedAt, grant.issuedAt.seconds)
        try payload.time(.expiresAt, grant.issuedAt.seconds.adding(seconds: grant.lifetime))
        payload.identifier(.tokenID, id)
        if let birth = grant.birth { payload.number(.birth, Int64(clamping: birth)) }
        if !grant.scope.isEmpty { try payload.name(.scope, grant.scope) }
        if !grant.roles.isEmpty { payload.texts(.roles, grant.roles) }
        return (try seal(payload.finish(), keyIndex), id)
    }

    private func clientTokenID(
        high: UInt64, audience: [String], clientID: String, _ keyIndex: Int
    ) throws(IssueError) -> UUID {
        // No session has a lower half of zero.
        let identity = TokenIdentity(
            sid: UUID(high: high, low: 0), audience: audience, subject: ClientGrant.subjectPrefix + clientID,
            clientID: clientID)
        let message = identity.message(generation: 0)
        let tag = try secretTag(of: message.span, keyIndex)
        return UUID.version7(high: high, lowFrom: tag.span)
    }

    /// Returns whether this server issued the client's own token with this `jti`.
    package func hasIssued(_ id: UUID, audience: [String], toClient clientID: String) -> Bool {
        secrets.contains {
            (try? clientTokenID(high: id.high, audience: audience, clientID: clientID, $0)) == id
        }
    }

    /// Issues a refresh token, always HS256 with the newest refresh secret of its time of issue.
    package func refreshToken(_ claims: RefreshClaims, now: UnixMilliseconds? = nil) throws(IssueError) -> [UInt8] {
        guard NumericDate.range.contains(claims.issuedAt) else { throw .claimUnwritable(.issuedAt) }
        let keyIndex = try refreshKeyIndex(at: claims.issuedAt.milliseconds, now: now)
        var payload = beginPayload()
        try payload.name(.audience, issuer)
        payload.identifier(.sessionID, claims.sid)
        if let birth = claims.birth { payload.number(.birth, Int64(clamping: birth)) }
        payload.number(.generation, Int64(claims.generation))
        try payload.name(.subject, claims.subject)
        try payload.name(.clientID, claims.clientID)
        try payload.time(.issuedAt, claims.issuedAt)
        try payload.time(.expiresAt, claims.expiresAt)
        try payload.time(.sessionEnd, claims.sessionEnd)
        payload.texts(.tokenAudience, claims.audience)
        payload.text(.scope, claims.scope)
        try payload.time(.authTime, claims.authTime)
        payload.texts(.methods, claims.methods)
        return try seal(payload.finish(), keyIndex)
    }

    /// Issues a device token, with the same secret as refresh tokens, and with a header that no refresh token has.
    package func deviceToken(_ claims: DeviceClaims, now: UnixMilliseconds? = nil) throws(IssueError) -> [UInt8] {
        guard NumericDate.range.contains(claims.issuedAt) else { throw .claimUnwritable(.issuedAt) }
        let keyIndex = try refreshKeyIndex(at: claims.issuedAt.milliseconds, now: now)
        var payload = beginPayload()
        try payload.name(.audience, issuer)
        try payload.name(.subject, claims.subject)
        payload.identifier(.tokenID, claims.id)
        try payload.time(.issuedAt, claims.issuedAt)
        try payload.time(.expiresAt, claims.expiresAt)
        let header = Keyring.header(of: keyring.keys[keyIndex], as: .device)
        return try seal(payload.finish(), keyIndex, header: header)
    }

    /// Derives the `jti`: UUIDv8 of HMAC-SHA-256(refresh secret, sid ‖ generation ‖ audience ‖ subject ‖ client). A
    /// replay gives the same `jti`, and only this server can link a `jti` to its session.
    private func tokenID(of grant: AccessGrant, now: UnixMilliseconds?) throws(IssueError) -> UUID {
        let identity = TokenIdentity(
            sid: grant.sid, audience: grant.audience, subject: grant.subject, clientID: grant.clientID)
        return try tokenID(of: identity, grant.generation, refreshKeyIndex(at: grant.issuedAt, now: now))
    }

    private func tokenID(
        of identity: TokenIdentity, _ generation: UInt32, _ keyIndex: Int
    ) throws(IssueError) -> UUID {
        let message = identity.message(generation: generation)
        let tag = try secretTag(of: message.span, keyIndex)
        return UUID.version8(fromFirst16: tag.span)
    }

    /// Returns whether a token with this `jti` was issued for `identity` in one of these generations of its session.
    package func hasIssued(_ id: UUID, _ identity: TokenIdentity, generations: ClosedRange<UInt32>) -> Bool {
        let secrets = secrets
        return generations.reversed().contains { generation in
            secrets.contains { (try? tokenID(of: identity, generation, $0)) == id }
        }
    }

    /// Derives what proves that this server gave the identifier of a session to a browser. No `jti` equals it, because
    /// tokens have an audience and a subject.
    package func sessionProof(of sid: UUID, at now: UnixMilliseconds) throws(IssueError) -> UUID {
        try tokenID(of: .proof(of: sid), 0, refreshKeyIndex(at: now, now: nil))
    }

    package func hasIssued(_ proof: UUID, asProofOf sid: UUID) -> Bool {
        hasIssued(proof, .proof(of: sid), generations: 0...0)
    }

    private var secrets: [Int] {
        keyring.keys.indices.filter {
            keyring.keys[$0].purpose == .refresh && keyring.keys[$0].lifecycle.compromisedAt == nil
        }
    }

    private func refreshKeyIndex(at time: UnixMilliseconds, now: UnixMilliseconds?) throws(IssueError) -> Int {
        guard let keyIndex = index(signing: .refresh, .hs256, at: time, now: now) else { throw .noRefreshKey }
        return keyIndex
    }

    private func index(
        signing purpose: Key.Purpose, _ algorithm: Algorithm, at time: UnixMilliseconds, now: UnixMilliseconds?
    ) -> Int? {
        keyring.index(signing: purpose, algorithm, at: time)
            ?? now.flatMap { keyring.index(signing: purpose, algorithm, at: $0) }
    }

    /// Refresh secrets are HMAC keys (``Key/init(_:kid:algorithm:purpose:lifecycle:)``).
    private func secretTag(of message: Span<UInt8>, _ keyIndex: Int) throws(IssueError) -> Digest {
        guard case .mac(let context) = pens[keyIndex] else {
            preconditionFailure("the keyring chose a key pair for refresh tokens")
        }
        do { return try context.authenticate(message) } catch { throw .crypto(error) }
    }

    private func beginPayload() -> PayloadWriter { PayloadWriter(reusing: &buffer) }

    private func seal(_ payload: consuming [UInt8], _ keyIndex: Int) throws(IssueError) -> [UInt8] {
        try seal(payload, keyIndex, header: keyring.headers[keyIndex])
    }

    private func seal(_ payload: consuming [UInt8], _ keyIndex: Int, header: [UInt8]) throws(IssueError) -> [UInt8] {
        var token: [UInt8] = []
        let signatureRoom = if case .mac = pens[keyIndex] { Self.macRoom } else { Self.signatureRoom }
        token.reserveCapacity(header.count + 1 + Base64URL.encodedByteCount(payload.count) + signatureRoom)
        token.append(contentsOf: header)
        token.append(UInt8(ascii: "."))
        Base64URL.append(payload.span, to: &token)
        buffer = payload
        do throws(CryptoError) {
            switch pens[keyIndex] {
            case .mac(let context):
                let tag = try context.authenticate(token.span)
                token.append(UInt8(ascii: "."))
                Base64URL.append(tag.span, to: &token)
            case .signer(let signer):
                let signature = try signer.sign(token.span)
                token.append(UInt8(ascii: "."))
                Base64URL.append(signature.span, to: &token)
            case .none: preconditionFailure("the keyring chose a public key for signing")
            }
        } catch {
            throw .crypto(error)
        }
        guard token.count <= Self.byteCountMax else { throw .tokenTooLarge(byteCount: token.count) }
        return token
    }

    /// The dot and a signature with a secret. Short tokens of the exact size come from the fast part of the allocator.
    private static let macRoom = 1 + 43

    /// Enough for the dot and a signature of an RSA key with 3072 bits; a longer one makes the token grow once more.
    private static let signatureRoom = 520
}
