package import Journal

/// Why a correctly signed token is rejected.
package enum Denial: Equatable, Sendable {
    case token, session, subject, client, key, all
}

/// What a revoke-before time applies to. The numbers are part of the journal format.
package enum RevokeBeforeKind: UInt8, CaseIterable, Sendable {
    case subject = 1
    case client = 2
    /// Every token of that key, regardless of when it was issued.
    case key = 3
    case all = 4
}

/// Why a revocation could not be made durable. It still applies in memory until the process ends.
package typealias RevocationError = JournalError
