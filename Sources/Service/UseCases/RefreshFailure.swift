package import JOSE
package import Revocation

/// Why a refresh token gets no successor.
package enum RefreshFailure: Error, Equatable, Sendable {
    case rejected(TokenRejection)
    case revoked(Denial)
    case accountEnded
    /// The same browser began another session, which ended this one. Only for a refresh by cookie.
    case replaced
    /// The cookies belong to two sessions.
    case sessionMismatch
    /// A token of the successor would not fit into its cookie.
    case tooLargeForCookie
    case notOwner(OwnershipFailure)
    case scopeInvalid
    case audienceInvalid
    /// The token was already used, and the grace time is over: the session is ended.
    case reused
    /// Repeated within the grace time, but with another scope or audience than the first time.
    case mismatched
    /// The token is newer than the journal: an old copy of the journal was restored.
    case ahead(known: UInt32)
    case unavailable(String)
    /// No key can sign the successor; the token is not used up.
    case signingUnavailable(String)
    case internalFault(String)
}
