package import Encoding

/// The session on whose behalf a cut is made. A session that is refused by then cuts nothing.
package struct RevokingSession: Sendable {
    package let sid: UUID
    package let client: [UInt8]
    package let kid: [UInt8]
    /// Whether the session lives through the cut and through earlier ones of the same kind.
    package let isSpared: Bool

    package init(sid: UUID, client: [UInt8] = [], kid: [UInt8] = [], isSpared: Bool) {
        self.sid = sid
        self.client = client
        self.kid = kid
        self.isSpared = isSpared
    }
}

/// Why a session may not order a cut any more.
struct Denied: Error {
    let denial: Denial
}
