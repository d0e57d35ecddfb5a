package import Encoding
import Tokens

/// What a refresh by cookie also requires.
package struct CookieRequirement: Sendable {
    /// The session of the session cookie, which the refresh token must belong to.
    let sid: UUID
    let accessByteCountMax: Int
    let refreshByteCountMax: Int

    /// - Parameters:
    ///   - accessByteCountMax: how long an access token may be to fit into its cookie.
    ///   - refreshByteCountMax: the same for a refresh token.
    package init(sid: UUID, accessByteCountMax: Int, refreshByteCountMax: Int) {
        self.sid = sid
        self.accessByteCountMax = accessByteCountMax
        self.refreshByteCountMax = refreshByteCountMax
    }

    func fits(_ pair: TokenPair) -> Bool {
        pair.accessToken.count <= accessByteCountMax && pair.refreshToken.count <= refreshByteCountMax
    }
}
