import API
package import Service
import Tokens

/// The settings that decide how long an access token is and may be, for commands that change users.
package struct TokenSizeLimits: Sendable {
    package let auth: AuthSettings
    /// Whether tokens are delivered in cookies, whose names take a part of the space.
    package let isForCookies: Bool
    package let byteCountMax: Int

    package init(_ reader: inout SettingsReader) {
        auth = TokenSettings(&reader, keySetMaxAge: 0).auth
        let browser = BrowserSettings(&reader, auth).options.map { Browser($0) }
        isForCookies = browser != nil
        byteCountMax = browser?.accessByteCountMax ?? Issuer.byteCountMax
    }
}
