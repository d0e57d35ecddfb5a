package import Encoding
package import Platform

/// The tokens that a login or a refresh returns.
package struct TokenPair: Sendable {
    package let accessToken: [UInt8]
    package let refreshToken: [UInt8]
    /// When the pair was issued.
    package let issuedAt: UnixSeconds
    /// Seconds from issue to `exp`; a replayed refresh repeats the number of the first answer.
    package let expiresIn: Int64
    /// Seconds from issue to the expiry of the refresh token.
    package let refreshExpiresIn: Int64
    package let sid: UUID
    /// The identifier of the user.
    package let subject: String
    package let scope: String
    /// Only of a login that named its device.
    package internal(set) var deviceToken: [UInt8]?
}
