package import Encoding
package import JOSE
package import Platform

/// An access token that passed every check: its claims, its payload as signed, and the key. Only ``Verifier`` makes one.
///
/// Making one allocates nothing. Texts are ranges of ``payload``, which shares the memory that the verifier decoded it
/// into; while a token exists, the verifier decodes the next one into other memory. The bytes of a range are the value
/// itself, because texts with escapes are rejected: one subject has one spelling.
package struct VerifiedToken: Sendable {
    /// The decoded payload: one JSON object.
    package let payload: [UInt8]
    /// The name of the key that verified the token.
    package let kid: [UInt8]
    package let algorithm: Algorithm
    /// The key's index in the verifier's keyring.
    package let keyIndex: Int
    package let jti: UUID
    package let sid: UUID?
    /// The number of the last record that the issuer knew at the beginning.
    package let birth: UInt64?
    package let subject: Range<Int>
    package let clientID: Range<Int>?
    package let scope: Range<Int>?
    /// Within ``NumericDate/range``, as all times here.
    package let issuedAt: UnixSeconds
    package let expiresAt: UnixSeconds
    package let authTime: UnixSeconds?

    init(
        _ table: ClaimTable, _ document: borrowing JSONDocument, in decoded: [UInt8], _ signer: Signer
    ) throws(TokenRejection) {
        let payload = decoded.span
        jti = try document.identifier(.tokenID, try table.required(.tokenID), in: payload)
        if let node = table[.sessionID] {
            sid = try document.identifier(.sessionID, node, in: payload)
        } else {
            sid = nil
        }
        birth = if let node = table[.birth] { try document.birth(node, in: payload) } else { nil }
        subject = try document.name(.subject, try table.required(.subject))
        clientID = if let node = table[.clientID] { try document.name(.clientID, node) } else { nil }
        scope = if let node = table[.scope] { try document.text(.scope, node) } else { nil }
        issuedAt = try document.time(.issuedAt, try table.required(.issuedAt), in: payload)
        expiresAt = try document.time(.expiresAt, try table.required(.expiresAt), in: payload)
        authTime = if let node = table[.authTime] { try document.time(.authTime, node, in: payload) } else { nil }
        self.payload = decoded
        kid = signer.kid
        algorithm = signer.algorithm
        keyIndex = signer.index
    }

    init(_ shape: IssuedShape, in payload: [UInt8], _ signer: Signer) {
        jti = shape.jti
        sid = shape.sid
        birth = shape.birth
        subject = shape.subject
        clientID = shape.clientID
        scope = shape.scope
        issuedAt = shape.issuedAt
        expiresAt = shape.expiresAt
        authTime = shape.authTime
        self.payload = payload
        kid = signer.kid
        algorithm = signer.algorithm
        keyIndex = signer.index
    }

    /// The key that verified a token.
    struct Signer {
        let index: Int
        let kid: [UInt8]
        let algorithm: Algorithm
    }

    /// The text of a claim; empty if the token does not have it.
    package func text(_ range: Range<Int>?) -> String {
        String(decoding: payload[range ?? 0..<0], as: UTF8.self)
    }
}
