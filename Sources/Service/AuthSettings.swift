package import JOSE

/// What the use cases need to know of the configuration.
package struct AuthSettings: Sendable {
    /// `iss` of every token, and the audience of refresh tokens.
    package var issuer: String
    /// What `aud` may be; the first is what a login gets that names none. Never empty.
    package var audiences: [String]
    /// What new access tokens are signed with, unless the audience or the client shares a secret.
    package var algorithm: Algorithm
    /// Audiences whose access tokens are HS256.
    package var sharedSecretAudiences: Set<String>
    /// Names of the users' extra claims that tokens may carry.
    package var extraClaims: Set<String>
    /// Seconds.
    package var accessLifetime: Int64
    /// Seconds from one refresh to the last moment of the next.
    package var refreshIdle: Int64
    /// Seconds from the login to the session's end.
    package var sessionMax: Int64
    /// Seconds that another clock may be ahead or behind.
    package var leeway: Int64
    /// Seconds that others may keep the published keys.
    package var keySetMaxAge: Int64

    package init(
        issuer: String, audiences: [String], algorithm: Algorithm, sharedSecretAudiences: Set<String>,
        extraClaims: Set<String>,
        accessLifetime: Int64, refreshIdle: Int64, sessionMax: Int64, leeway: Int64, keySetMaxAge: Int64 = 300
    ) {
        self.issuer = issuer
        self.audiences = audiences
        self.algorithm = algorithm
        self.sharedSecretAudiences = sharedSecretAudiences
        self.extraClaims = extraClaims
        self.accessLifetime = accessLifetime
        self.refreshIdle = refreshIdle
        self.sessionMax = sessionMax
        self.leeway = leeway
        self.keySetMaxAge = keySetMaxAge
    }
}
