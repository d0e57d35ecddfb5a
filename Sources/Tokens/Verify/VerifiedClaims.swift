package import Encoding
package import JOSE

/// The claims of an access token that passed every check. Only ``Verifier`` makes one.
///
/// Making one allocates nothing: texts are ranges into ``Verifier/payload`` and are usable until the next token is
/// verified. Their bytes are the value itself, because texts with escapes are rejected: one subject has one spelling.
package struct VerifiedClaims: Sendable {
    package let jti: UUID
    package let sid: UUID?
    package let subject: Range<Int>
    package let clientID: Range<Int>?
    package let scope: Range<Int>?
    /// Seconds since 1970, as all times here; within ``NumericDate/range``.
    package let issuedAt: Int64
    package let expiresAt: Int64
    package let authTime: Int64?
    /// The key's index in the verifier's keyring.
    package let keyIndex: Int
    package let algorithm: Algorithm

    init(
        _ table: ClaimTable, _ document: borrowing JSONDocument, in payload: Span<UInt8>, keyIndex: Int,
        algorithm: Algorithm
    ) throws(TokenRejection) {
        jti = try document.identifier(.tokenID, try table.required(.tokenID), in: payload)
        if let node = table[.sessionID] {
            sid = try document.identifier(.sessionID, node, in: payload)
        } else {
            sid = nil
        }
        subject = try document.name(.subject, try table.required(.subject))
        clientID = if let node = table[.clientID] { try document.name(.clientID, node) } else { nil }
        scope = if let node = table[.scope] { try document.text(.scope, node) } else { nil }
        issuedAt = try document.time(.issuedAt, try table.required(.issuedAt), in: payload)
        expiresAt = try document.time(.expiresAt, try table.required(.expiresAt), in: payload)
        authTime = if let node = table[.authTime] { try document.time(.authTime, node, in: payload) } else { nil }
        self.keyIndex = keyIndex
        self.algorithm = algorithm
    }

    init(_ shape: IssuedShape, keyIndex: Int, algorithm: Algorithm) {
        jti = shape.jti
        sid = shape.sid
        subject = shape.subject
        clientID = shape.clientID
        scope = shape.scope
        issuedAt = shape.issuedAt
        expiresAt = shape.expiresAt
        authTime = shape.authTime
        self.keyIndex = keyIndex
        self.algorithm = algorithm
    }
}
