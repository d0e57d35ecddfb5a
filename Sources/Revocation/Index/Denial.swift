package import Journal

/// Why a token with a good signature is refused all the same.
package enum Denial: Equatable, Sendable {
    case token, session, subject, client, key, all
}

/// What a cut is about. The numbers are the journal's format.
package enum RevokeBeforeKind: UInt8, CaseIterable, Sendable {
    case subject = 1
    case client = 2
    /// Every token of that key, whenever it was issued.
    case key = 3
    case all = 4
}

/// Why a revocation could not be made durable. What was asked counts in memory all the same, until the process ends.
package typealias RevocationError = JournalError
