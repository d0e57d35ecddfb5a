package import JOSE
package import Revocation

/// Why a token is rejected. Its signature is valid in every case except some of `rejected`.
package enum VerifyFailure: Error, Equatable, Sendable {
    case rejected(TokenRejection)
    /// The token names another issuer than this server.
    ///
    /// - Parameter named: the issuer in the token; `nil` unless it is a short string.
    case issuerMismatch(named: String?, expected: String)
    case revoked(Denial)
    /// The account is missing or disabled, or it ended its sessions.
    case accountEnded
    /// This server follows the feed of another one, and what it knows is too old to accept a token.
    case stale
    case scopeInsufficient
    case roleInsufficient
    /// `auth_time` is longer ago than the caller allows.
    case authenticationTooOld
    /// The caller requires another subject.
    case subjectMismatch
    /// The caller requires another client.
    case clientMismatch
    /// The token lacks a claim that the caller requires.
    case claimMissing
    /// A claim does not have the value that the caller requires.
    case claimMismatch
}
