package import Accounts
package import Encoding
package import Platform
package import Revocation
import Tokens

/// A request for a session.
package struct LoginAttempt: Sendable {
    package static let passwordByteCounts = 1...1_024

    package var username: String
    package var password: Secret
    /// `nil` requests every scope that the user has.
    package var scope: Scope?
    /// `nil` requests the first configured audience.
    package var audience: String?
    package var client: Client?
    /// The source that the throttle counts the attempt for.
    package var source: LoginThrottle.Source
    /// The device that the person signs in from, as the client calls it.
    package var device: DeviceLabel?
    /// What the client sent as the token of its device. If it is not valid for this user, the login continues without it.
    package var deviceToken: [UInt8]?
    /// Where the person signs in from; nil if that is not known.
    package var address: SessionEntry.Address?
    /// The session that ends together with the beginning of this one. It does not count towards the sessions of the user.
    package var replacedSession: UUID?

    package init(
        username: String, password: Secret, scope: Scope?, audience: String?, client: Client?,
        source: LoginThrottle.Source, device: DeviceLabel? = nil, deviceToken: [UInt8]? = nil,
        address: SessionEntry.Address? = nil
    ) {
        self.username = username
        self.password = password
        self.scope = scope
        self.audience = audience
        self.client = client
        self.source = source
        self.device = device
        self.deviceToken = deviceToken
        self.address = address
    }
}

package enum LoginFailure: Error, Equatable, Sendable {
    /// Unknown user, wrong password or disabled account. The client does not learn which.
    case credentialsInvalid
    case tooManyAttempts(retryAfterSeconds: Int64)
    /// The password would wait for too long to be hashed.
    case hashingSaturated(retryAfterSeconds: Int64)
    /// The journal cannot accept the record of the session.
    case unavailable
    case scopeInvalid
    case audienceInvalid
    /// No key can sign the tokens.
    case signingUnavailable(String)
    /// A token would not fit into its cookie; the text is the name of its largest claim.
    case tooLargeForCookie(claim: String)
    /// Signing failed for another reason.
    case internalFault(String)
}

/// A session that may be opened, for the event loop that started the login. Nothing is recorded yet, and nothing has ended.
package struct LoginGrant: Sendable {
    let user: User
    let scope: Scope
    let audience: String
    let client: Client?
    /// Generated before the account was read, so that a later revocation of the account's sessions includes this one.
    let sid: UUID
    /// The birth of the session, taken together with its identifier.
    let birth: UInt64?
    /// The identifier of the device token to issue; `nil` if the login named no device.
    var deviceID: UUID?
    var device: DeviceLabel?
    var address: SessionEntry.Address?
    /// The session that ends together with the beginning of this one.
    var replaced: UUID?
    /// What the throttle counts until the login has succeeded; `nil` for a login without a password.
    var charge: LoginThrottle.Attempt?
    /// The password, if its stored hash is to be replaced by a stronger one.
    var weaklyHashed: Secret?
    /// The subject of a user whom only the client knows.
    var externalSubject: String?
    /// How the user authenticated (RFC 8176).
    var methods = ["pwd"]
    /// When the user authenticated; `nil` for the time of the first tokens.
    var authTime: UnixSeconds?

    package var subject: String { externalSubject ?? user.id.description }
}

/// A session that the journal has recorded, with the tokens that were signed before.
package struct OpenedSession: Sendable {
    let grant: LoginGrant
    let claims: RefreshClaims
    let pair: TokenPair

    package var subject: String { grant.subject }
}
