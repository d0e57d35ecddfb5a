package import Platform

/// The bounds on the lifetimes of tokens and sessions, and every time that follows from them.
///
/// Revocations and keys must be kept for as long as a token that depends on them is accepted anywhere. All those times
/// are computed here from the basic bounds, so that a bound that is raised moves them too.
package struct TokenLimits: Sendable {
    /// The bounds of this version.
    package static let standard = TokenLimits()

    // The basic bounds, in seconds like settings and claims.

    /// The lifetime of an access token of the service (MARTLET_ACCESS_TTL).
    package var accessLifetime: ClosedRange<Int64> = 30...3_600
    /// The maximum lifetime of a token of `martlet mint --force`.
    package var mintedLifetimeMax: Int64 = 86_400
    /// The maximum seconds for which a verifier accepts a token after its `exp` or before its `nbf`.
    package var leewayMax: Int64 = 60
    /// The maximum seconds for which a used refresh token may be presented again (MARTLET_REFRESH_GRACE).
    package var refreshGraceMax: Int64 = 60
    /// The lifetime of a session, and how long it may be unused (MARTLET_SESSION_MAX and MARTLET_REFRESH_IDLE).
    package var sessionLifetime: ClosedRange<Int64> = 60...34_560_000
    /// The lifetime of a device token.
    package var deviceLifetime: Int64 = 180 * 86_400
    /// By how much the clock of a verifier can be slow.
    package var slowClockMax: Int64 = 240
    /// By how much the clock of a signer can be fast.
    package var fastClockMax: Int64 = 3_540

    package init() {}

    /// Returns the leeway that applies if `seconds` are requested.
    package func leeway(_ seconds: Int64) -> Int64 { min(max(seconds, 0), leewayMax) }

    // What follows from them, in milliseconds like all times of the service.

    /// The maximum lifetime of a session.
    package var sessionMax: Int64 { sessionLifetime.upperBound * 1_000 }

    /// The maximum lifetime of an access token. A minted token can outlive every session.
    package var tokenMax: Int64 { max(accessLifetime.upperBound, mintedLifetimeMax) * 1_000 }

    /// The lifetime of a device token. Revoke-before times of subjects are kept for as long.
    package var deviceMax: Int64 { deviceLifetime * 1_000 }

    /// How long a revoked token stays in the denylist after its `exp`. Verification uses whole seconds, which adds one.
    package var denylistMargin: Int64 { (leewayMax + 1) * 1_000 }

    /// How long purging and compaction keep entries that have expired, because a verifier with a slow clock and a leeway
    /// still accepts their tokens.
    package var purgeMargin: Int64 { (leewayMax + slowClockMax) * 1_000 }

    /// How long a revoke-before time is kept after the end of everything it revokes, because a signer with a fast clock
    /// issues tokens that end later.
    package var cutMargin: Int64 { (leewayMax + fastClockMax) * 1_000 }

    /// How long a key verifies access tokens after its last signature. Tokens of `martlet mint --force` can live longer;
    /// they are not valid without their key, whatever they say.
    package var accessKeyRetention: Int64 { (accessLifetime.upperBound + leewayMax) * 1_000 }

    /// How long a key verifies refresh tokens after its last signature.
    ///
    /// - Parameter idle: seconds that a session may be unused.
    package func refreshKeyRetention(idle: Int64) -> Int64 { (idle + leewayMax) * 1_000 }

    /// Returns the latest time at which a verifier accepts a token.
    ///
    /// - Parameters:
    ///   - end: when the token expires.
    ///   - leeway: seconds, as requested.
    package func acceptedUntil(_ end: UnixMilliseconds, leeway: Int64) -> UnixMilliseconds {
        end.adding(seconds: self.leeway(leeway))
    }
}
