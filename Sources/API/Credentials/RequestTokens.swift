import HTTP

/// The one place that takes tokens from the Authorization field and from three members of the content.
/// ``BrowserCookies`` takes those in cookies.
enum RequestTokens {
    /// The access token of a request that authenticates with it.
    static func bearer(_ request: borrowing Request) -> BearerToken { BearerToken(request) }

    /// The token that the request is about.
    static func subject(_ parameters: Parameters) throws(Problem) -> [UInt8]? { try parameters.bytes("token") }

    /// - Throws: `request_malformed` if the content has no token.
    static func requiredSubject(_ parameters: Parameters) throws(Problem) -> [UInt8] {
        try parameters.required("token")
    }

    static func refresh(_ parameters: Parameters) throws(Problem) -> [UInt8]? { try parameters.bytes("refresh_token") }

    /// The token of the device that a login comes from.
    static func device(_ parameters: Parameters) throws(Problem) -> [UInt8]? { try parameters.bytes("device_token") }

    /// - Throws: `request_malformed` if the content has no refresh token.
    static func requiredRefresh(_ parameters: Parameters) throws(Problem) -> [UInt8] {
        try parameters.required("refresh_token")
    }
}
