package import Encoding
import JOSE
package import Platform

/// The claims of a refresh token. Unlike ``VerifiedClaims`` a value can be made without verification, for issuing.
package struct RefreshClaims: Equatable, Sendable {
    package var sid: UUID
    /// The number of the last record that the issuer knew at the beginning; nil where identifiers are in the same order as
    /// records.
    package var birth: UInt64?
    /// How often the session was rotated.
    package var generation: UInt32
    package var subject: String
    package var clientID: String
    package var issuedAt: UnixSeconds
    /// The idle end: the token expires if it is not used before.
    package var expiresAt: UnixSeconds
    /// The absolute end of the session, never extended by rotation.
    package var sessionEnd: UnixSeconds
    /// The audiences of the session's access tokens.
    package var audience: [String]
    package var scope: String
    package var authTime: UnixSeconds
    package var methods: [String]
    /// The name of the key that signed the token; empty in claims that are not issued yet.
    package internal(set) var kid = ""

    package init(
        sid: UUID, generation: UInt32, subject: String, clientID: String, issuedAt: UnixSeconds, expiresAt: UnixSeconds,
        sessionEnd: UnixSeconds, audience: [String], scope: String, authTime: UnixSeconds, methods: [String]
    ) {
        self.sid = sid
        self.generation = generation
        self.subject = subject
        self.clientID = clientID
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.sessionEnd = sessionEnd
        self.audience = audience
        self.scope = scope
        self.authTime = authTime
        self.methods = methods
    }

    init(
        _ table: ClaimTable, _ document: borrowing JSONDocument, in payload: Span<UInt8>, kid: String
    ) throws(TokenRejection) {
        self.kid = kid
        func text(_ claim: Claim) throws(TokenRejection) -> String {
            guard let text = document.string(try table.required(claim), in: payload) else { throw .claimInvalid(claim) }
            return text
        }
        func time(_ claim: Claim) throws(TokenRejection) -> UnixSeconds {
            try document.time(claim, try table.required(claim), in: payload)
        }
        sid = try document.identifier(.sessionID, try table.required(.sessionID), in: payload)
        birth = if let node = table[.birth] { try document.birth(node, in: payload) } else { nil }
        let number = document.integer(try table.required(.generation), in: payload)
        guard let number, let generation = UInt32(exactly: number) else { throw .claimInvalid(.generation) }
        self.generation = generation
        _ = try document.name(.subject, try table.required(.subject))
        _ = try document.name(.clientID, try table.required(.clientID))
        subject = try text(.subject)
        clientID = try text(.clientID)
        issuedAt = try time(.issuedAt)
        expiresAt = try time(.expiresAt)
        sessionEnd = try time(.sessionEnd)
        audience = try document.texts(.tokenAudience, try table.required(.tokenAudience), in: payload)
        scope = try text(.scope)
        authTime = try time(.authTime)
        methods = try document.texts(.methods, try table.required(.methods), in: payload)
    }
}
