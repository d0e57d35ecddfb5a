package import Encoding

/// What a login or a refresh hands out.
package struct TokenPair: Sendable {
    package let accessToken: [UInt8]
    package let refreshToken: [UInt8]
    /// When it was issued, in seconds since 1970.
    package let issuedAt: Int64
    /// Seconds from issue to `exp`; a replayed refresh repeats the first answer's number.
    package let expiresIn: Int64
    /// Seconds from issue to the refresh token's own end.
    package let refreshExpiresIn: Int64
    package let sid: UUID
    package let scope: String
}
