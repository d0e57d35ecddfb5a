package import JOSE

/// The settings that the use cases need.
package struct AuthSettings: Sendable {
    /// `iss` of every token, and the audience of refresh tokens.
    package var issuer: String
    /// The accepted values of `aud`; a login that names none gets the first. Never empty.
    package var audiences: [String]
    /// The algorithm of new access tokens, unless the audience or the client shares a secret.
    package var algorithm: Algorithm
    /// Audiences whose access tokens use HS256.
    package var sharedSecretAudiences: Set<String>
    /// Names of additional user claims that tokens may contain.
    package var extraClaims: Set<String>
    /// Seconds.
    package var accessLifetime: Int64
    /// Seconds within which a session must be refreshed again.
    package var refreshIdle: Int64
    /// Seconds from the login to the end of the session.
    package var sessionMax: Int64
    /// Seconds by which clocks may differ.
    package var leeway: Int64
    /// Seconds for which clients may cache the published keys.
    package var keySetMaxAge: Int64
    /// Nil if users cannot list their sessions, and nothing is stored for it.
    package var sessionList: SessionListSettings?

    package init(
        issuer: String, audiences: [String], algorithm: Algorithm, sharedSecretAudiences: Set<String>,
        extraClaims: Set<String>,
        accessLifetime: Int64, refreshIdle: Int64, sessionMax: Int64, leeway: Int64, keySetMaxAge: Int64 = 300,
        sessionList: SessionListSettings? = nil
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
        self.sessionList = sessionList
    }
}

/// What applies to sessions that users can list.
package struct SessionListSettings: Equatable, Sendable {
    /// The maximum number of sessions of one user; nil for no limit.
    package var perUser: Int?

    package init(perUser: Int? = nil) {
        self.perUser = perUser
    }
}
