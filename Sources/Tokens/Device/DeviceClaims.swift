package import Encoding
import JOSE
package import Platform

/// The claims of a device token: that a user has logged in on this device. It proves no password and opens nothing.
package struct DeviceClaims: Equatable, Sendable {
    /// A UUIDv7 from the generator of session identifiers, so that revoke-before times apply to it.
    package var id: UUID
    package var subject: String
    package var issuedAt: UnixSeconds
    package var expiresAt: UnixSeconds
    /// The name of the key that signed the token; empty in claims that are not issued yet.
    package internal(set) var kid = ""

    package init(id: UUID, subject: String, issuedAt: UnixSeconds, expiresAt: UnixSeconds) {
        self.id = id
        self.subject = subject
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }

    init(
        _ table: ClaimTable, _ document: borrowing JSONDocument, in payload: Span<UInt8>, kid: String
    ) throws(TokenRejection) {
        self.kid = kid
        id = try document.identifier(.tokenID, try table.required(.tokenID), in: payload)
        guard id.isVersion7 else { throw .claimInvalid(.tokenID) }
        let name = try table.required(.subject)
        _ = try document.name(.subject, name)
        guard let subject = document.string(name, in: payload) else { throw .claimInvalid(.subject) }
        self.subject = subject
        issuedAt = try document.time(.issuedAt, try table.required(.issuedAt), in: payload)
        expiresAt = try document.time(.expiresAt, try table.required(.expiresAt), in: payload)
    }
}
