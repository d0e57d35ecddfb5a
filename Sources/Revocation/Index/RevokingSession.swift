package import Encoding

/// The session that requests a revoke-before time. A session that has been revoked cannot set one.
package struct RevokingSession: Sendable {
    package let sid: UUID
    /// The claim `bsq` of its tokens; nil without one.
    package var birth: UInt64?
    package let client: [UInt8]
    package let kid: [UInt8]
    /// Whether the session is exempt from this revoke-before time and from earlier ones of the same kind.
    package let isExempt: Bool

    package init(sid: UUID, client: [UInt8] = [], kid: [UInt8] = [], isExempt: Bool) {
        self.sid = sid
        self.client = client
        self.kid = kid
        self.isExempt = isExempt
    }
}

/// Why a session may not set a revoke-before time.
struct Denied: Error {
    let denial: Denial
}
