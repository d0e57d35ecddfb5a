package import Encoding
package import Platform

/// Why a token is rejected, for lookups.
extension RevocationStore {
    /// Returns why a verified token is rejected, or nil. It only reads memory, and hashes a name only if a
    /// revoke-before time of that kind can apply to the token.
    ///
    /// - Parameters:
    ///   - sid: nil for a token without a session, whose time of issue is used instead.
    ///   - birth: the claim `bsq` of the token.
    ///   - expiresAt: exactly the value for ``revokeToken(_:expiresAt:reason:_:)``.
    package func denial(
        jti: UUID, sid: UUID?, issuedAt: UnixMilliseconds, birth: UInt64? = nil, expiresAt: UnixMilliseconds,
        subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if index.tokens.contains(jti, at: expiresAt) || index.tokensOfAnyEnd.containsAnywhere(jti) { return .token }
        return denial(sid: sid, issuedAt: issuedAt, birth: birth, subject: subject, client: client, kid: kid)
    }

    /// Returns the same as ``denial(jti:sid:issuedAt:expiresAt:subject:client:kid:)`` for something without a `jti`,
    /// such as a refresh token.
    package func denial(
        sid: UUID?, issuedAt: UnixMilliseconds, birth: UInt64? = nil, subject: Span<UInt8>, client: Span<UInt8>,
        kid: Span<UInt8>
    ) -> Denial? {
        if let sid, index.sessions.contains(sid, at: sid.milliseconds) { return .session }
        let id = sid?.high ?? UUID.version7High(milliseconds: issuedAt)
        let born = Birth(id: id, seq: comparable(birth))
        return index.cuts.denial(born: born, sid: sid, subject: subject, client: client, kid: kid)
    }

    /// Returns why a client's own token is rejected, which has no session: revocations compare with the time in its `jti`.
    ///
    /// - Parameters:
    ///   - issuedAt: used if the `jti` contains no time, as in a token that another program signed.
    ///   - expiresAt: exactly the value for ``revokeToken(_:expiresAt:reason:_:)``.
    package func denial(
        ofClientToken jti: UUID, issuedAt: UnixMilliseconds, birth: UInt64? = nil, expiresAt: UnixMilliseconds,
        subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if index.tokens.contains(jti, at: expiresAt) || index.tokensOfAnyEnd.containsAnywhere(jti) { return .token }
        let id = jti.isVersion7 ? jti.high : UUID.version7High(milliseconds: issuedAt)
        let born = Birth(id: id, seq: comparable(birth))
        return index.cuts.denial(born: born, sid: nil, subject: subject, client: client, kid: kid)
    }

    /// Returns why a device token is rejected, or nil. A revoke-before time ends it like a session that began when it was
    /// issued; the end of a single session does not.
    package func denial(ofDevice id: UUID, subject: Span<UInt8>, kid: Span<UInt8>) -> Denial? {
        index.cuts.denial(born: Birth(id: id.high), sid: nil, subject: subject, client: Span(), kid: kid)
    }

    /// The birth of a session that begins now, or of a token without a session: taken before anything is checked that a
    /// revocation may change. Nil where ids are in the order of the records.
    package var birth: UInt64? { isShared ? sequence : nil }

    /// A birth that can be compared with the numbers of records here. One above them is not known to be of this ledger.
    package func comparable(_ birth: UInt64?) -> UInt64? {
        guard isShared, let birth, birth <= sequence else { return nil }
        return birth
    }
}
