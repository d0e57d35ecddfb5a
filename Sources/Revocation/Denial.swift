/// Why a token with a good signature is refused all the same.
package enum Denial: Equatable, Sendable {
    case token, session, subject, client, key, all
}

/// What a cut is about. The numbers are the journal's format.
package enum CutKind: UInt8, CaseIterable, Sendable {
    case subject = 1
    case client = 2
    /// Every token of that key, whenever it was issued.
    case key = 3
    case all = 4
}
