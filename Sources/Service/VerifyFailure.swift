package import JOSE
package import Revocation

/// Why a token is not taken. The signature held in every case but `rejected`.
package enum VerifyFailure: Error, Equatable, Sendable {
    case rejected(TokenRejection)
    case revoked(Denial)
    /// The account is gone, disabled, or ended its sessions.
    case accountEnded
    case scopeInsufficient
    case roleInsufficient
    /// `auth_time` is longer ago than the caller allows.
    case authenticationTooOld
}
