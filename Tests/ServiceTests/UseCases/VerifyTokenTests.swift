import Accounts
import Encoding
import Keys
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("Verifying an access token, without HTTP")
struct VerifyTokenTests {
    let office: Office
    private let subject = "019a0000-0000-7000-8000-000000000001"

    init() throws {
        var user = try Office.user("alice")
        user.roles = ["admin"]
        office = try Office(users: UserDirectory().adding(user), clients: ClientDirectory())
    }

    private func token() throws -> [UInt8] { try office.login(office.attempt("alice")).accessToken }

    private func change(_ change: (inout User) -> Void) throws {
        office.authState.users.replace(with: try office.authState.users.current.changing("alice", change))
    }

    @Test func `the result has the claims, the payload, the roles and the key of the token`() throws {
        let pair = try office.login(office.attempt("alice"))
        let token = try office.verify(pair.accessToken)
        var scratch = JSONDocument()
        #expect(token.sid == pair.sid && token.text(token.subject) == subject)
        #expect(token.text(token.clientID) == AuthState.firstPartyClient && token.text(token.scope) == "read write")
        #expect(token.roles(using: &scratch) == ["admin"] && token.audiences(using: &scratch) == ["api"])
        #expect(token.algorithm == .edDSA)
        let key = try #require(office.authState.keyring.current.keys.first { $0.purpose == .access })
        #expect(token.kid == Array(key.kid.utf8))
    }

    @Test func `two results keep their own payloads`() throws {
        let (one, other) = (try office.verify(token()), try office.verify(token()))
        #expect(one.jti != other.jti && one.payload != other.payload)
        #expect(one.text(one.subject) == subject && other.text(other.subject) == subject)
        var scratch = JSONDocument()
        #expect(one.roles(using: &scratch) == ["admin"])
    }

    @Test func `an expired token is rejected in its last second`() throws {
        let token = try token()
        office.wall.change { $0 = $0.adding(milliseconds: 599_999) }
        #expect(office.rejection(token) == nil)
        office.wall.change { $0 = $0.adding(milliseconds: 1) }
        #expect(office.rejection(token) == .rejected(.expired))
    }

    @Test(arguments: [
        ("https://other.example", "https://other.example" as String?),
        ("https://" + String(repeating: "o", count: 249), nil),
    ])
    func `a token of another issuer says which, if the name is short`(_ issuer: String, _ named: String?) throws {
        let pair = try office.login(office.attempt("alice"))
        let other = try Issuer(keyring: office.authState.keyring.current, issuer: issuer)
        let grant = AccessGrant(
            subject: subject, clientID: "first-party", audience: ["api"], scope: "", sid: pair.sid, generation: 0,
            authTime: Office.start.seconds, methods: [], roles: [], issuedAt: Office.start, lifetime: 600,
            algorithm: .edDSA)
        let failure = VerifyFailure.issuerMismatch(named: named, expected: "https://auth.example")
        #expect(office.rejection(try other.accessToken(grant)) == failure)
    }

    @Test func `an account that is disabled, removed, or ended its sessions is rejected`() throws {
        let token = try token()
        try change { $0.isDisabled = true }
        #expect(office.rejection(token) == .accountEnded)
        try change { $0.isDisabled = false }
        #expect(office.rejection(token) == nil)
        try change { $0.sessionsFrom = office.wall.value.adding(seconds: 1) }
        #expect(office.rejection(token) == .accountEnded)
        office.authState.users.replace(with: UserDirectory())
        #expect(office.rejection(token) == .accountEnded)
    }

    @Test func `each expectation has its own failure`() throws {
        let token = try token()
        #expect(office.rejection(token) { $0.scopes = [Array("read".utf8), Array("write".utf8)] } == nil)
        #expect(office.rejection(token) { $0.scopes = [Array("rea".utf8)] } == .scopeInsufficient)
        #expect(office.rejection(token) { $0.roles = ["admin"] } == nil)
        #expect(office.rejection(token) { $0.roles = ["admin", "ops"] } == .roleInsufficient)
        #expect(
            office.rejection(token) { $0.audience = AudienceExpectation("billing") } == .rejected(.audienceMismatch))
        office.wall.change { $0 = $0.adding(milliseconds: 61_000) }
        #expect(office.rejection(token) { $0.ageMax = 61 } == nil)
        #expect(office.rejection(token) { $0.ageMax = 60 } == .authenticationTooOld)
    }

    @Test func `a revoked token says so before an expectation is checked`() throws {
        let token = try token()
        office.revoke(.token(try office.verify(token).jti, expiresAt: 0))
        #expect(office.rejection(token) { $0.roles = ["ops"] } == .revoked(.token))
    }

    @Test func `a shared secret opens its own audiences only`() throws {
        let shared = try Key.generate(.hs256, purpose: .access, createdAt: Office.start)
        let office = try Office(
            keys: Office.keys() + [shared], audiences: ["api", "legacy"], shared: ["legacy"],
            users: UserDirectory().adding(Office.user("alice")), clients: ClientDirectory())
        #expect(office.rejection(try office.forged(["aud": #""legacy""#], shared)) == nil)
        for audience in [#""api""#, #"["legacy","api"]"#] {
            #expect(office.rejection(try office.forged(["aud": audience], shared)) == .rejected(.algNotAllowed))
        }
    }
}
