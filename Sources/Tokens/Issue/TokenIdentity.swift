package import Encoding

/// The values, except the generation, from which the `jti` of an access token is derived: everything that identifies
/// the token to revoke.
package struct TokenIdentity: Equatable, Sendable {
    package let sid: UUID
    package let audience: [String]
    package let subject: String
    package let clientID: String

    package init(sid: UUID, audience: [String], subject: String, clientID: String) {
        self.sid = sid
        self.audience = audience
        self.subject = subject
        self.clientID = clientID
    }

    /// Of no token: a session by itself.
    static func proof(of sid: UUID) -> TokenIdentity {
        TokenIdentity(sid: sid, audience: [], subject: "", clientID: "")
    }

    /// Returns sid ‖ generation ‖ audiences ‖ subject ‖ client, with a byte after each name that is invalid in UTF-8,
    /// so that different identities give different messages.
    func message(generation: UInt32) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(160)
        message.append(addingCapacity: 20) { output in
            output.append(bigEndian: sid.high)
            output.append(bigEndian: sid.low)
            for shift in stride(from: UInt32(24), through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: generation >> shift))
            }
        }
        for name in audience { Self.append(name, to: &message) }
        message.append(0xff)
        Self.append(subject, to: &message)
        Self.append(clientID, to: &message)
        return message
    }

    private static func append(_ name: String, to message: inout [UInt8]) {
        message.append(name.utf8.span)
        message.append(0xff)
    }
}
