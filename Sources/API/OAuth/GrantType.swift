/// The values of `grant_type` that the token endpoint accepts; the server metadata list them too.
enum GrantType: String, CaseIterable, Sendable {
    /// RFC 6749 §6.
    case refreshToken = "refresh_token"
    /// RFC 6749 §4.4.
    case clientCredentials = "client_credentials"
    /// A session for a user whom the client has authenticated itself.
    case session = "urn:martlet:grant-type:session"
}
