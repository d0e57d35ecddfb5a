import Encoding
import JOSE
import Platform

/// Parses the payload of a refresh token exactly as ``Issuer`` writes it, as ``IssuedShape`` does for access tokens.
///
/// A payload that differs in one byte (an empty list, escapes, text beyond ASCII) gives `nil` and is parsed by the general
/// parser, with the same result.
enum RefreshShape {
    /// Returns the beginning of every payload of this issuer, up to the first letter of the session's identifier.
    static func opening(issuer: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name(Claim.audience.rawValue)
        writer.string(issuer)
        writer.name(Claim.sessionID.rawValue)
        return writer.bytes + [UInt8(ascii: "\"")]
    }

    static func claims(_ payload: Span<UInt8>, opening: Span<UInt8>, kid: String) -> RefreshClaims? {
        var cursor = ShapeCursor(payload)
        guard cursor.skip(opening), let sid = cursor.identifier(), cursor.skip(#","gen":"#),
            let number = cursor.natural(), let generation = UInt32(exactly: number), cursor.skip(#","sub":""#),
            let subject = cursor.text(), cursor.skip(#","client_id":""#), let clientID = cursor.text(),
            cursor.skip(#","iat":"#), let issuedAt = cursor.time(), cursor.skip(#","exp":"#),
            let expiresAt = cursor.time(), cursor.skip(#","sxp":"#), let sessionEnd = cursor.time(),
            cursor.skip(#","taud":["#), let audience = cursor.texts(), cursor.skip(#","scope":""#),
            let scope = cursor.text(), cursor.skip(#","auth_time":"#), let authTime = cursor.time(),
            cursor.skip(#","amr":["#), let methods = cursor.texts(), cursor.skip("}"), cursor.isAtEnd
        else { return nil }
        var claims = RefreshClaims(
            sid: sid, generation: generation, subject: String(decoding: payload.extracting(subject)),
            clientID: String(decoding: payload.extracting(clientID)), issuedAt: issuedAt, expiresAt: expiresAt,
            sessionEnd: sessionEnd, audience: audience, scope: String(decoding: payload.extracting(scope)),
            authTime: authTime, methods: methods)
        claims.kid = kid
        return claims
    }
}
