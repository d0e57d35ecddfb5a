import Encoding
import Foundation
import JOSE
import Keys
import Platform
import Testing
import Tokens

@Suite("Issuing access tokens, RFC 9068 §2")
struct IssuerTests {
    let fixture: Fixture

    init() throws { fixture = try Fixture() }

    private func json(_ part: Int, of token: [UInt8]) throws -> [String: Any] {
        let text = String(decoding: token.split(separator: UInt8(ascii: "."))[part], as: UTF8.self)
        let octets = try #require(Base64URL.decode(text))
        return try #require(JSONSerialization.jsonObject(with: Data(octets)) as? [String: Any])
    }

    private func payloadText(of token: [UInt8]) throws -> String {
        let text = String(decoding: token.split(separator: UInt8(ascii: "."))[1], as: UTF8.self)
        return String(decoding: try #require(Base64URL.decode(text)), as: UTF8.self)
    }

    @Test(arguments: Algorithm.allCases)
    func `an issued token names its kind and key and passes our own verifier (D2, B15, B16, B20)`(
        _ algorithm: Algorithm
    ) throws {
        let fixture = try Fixture(Fixture.everyKeyring)
        let token = try fixture.issuer.accessToken(Fixture.grant(algorithm))
        let key = try #require(fixture.keyring.signingKey(for: algorithm, at: Fixture.now))
        let header = try #require(json(0, of: token) as? [String: String])
        #expect(header == ["alg": algorithm.rawValue, "typ": "at+jwt", "kid": key.kid])
        let claims = try fixture.claims(token)
        #expect(claims.sid == Fixture.sid)
        #expect(claims.algorithm == algorithm)
        #expect(claims.expiresAt == Fixture.seconds.adding(seconds: 600))
        #expect(claims.text(claims.subject) == "alice")
        #expect(claims.text(claims.scope) == "read write")
        #expect(claims.roles == ["admin", "ops"])
    }

    @Test func `the claims stand in a fixed order, times are numbers and scope is one string (D1, D3, D6)`() throws {
        let token = try fixture.issuer.accessToken(Fixture.grant())
        let jti = try fixture.claims(token).jti
        #expect(
            try payloadText(of: token) == """
                {"iss":"https://auth.example","sub":"alice","aud":"api","client_id":"first-party","iat":1800000000,\
                "exp":1800000600,"jti":"\(jti)","sid":"019a0000-0000-7001-8000-000000000001","scope":"read write",\
                "auth_time":1799999900,"amr":["pwd"],"roles":["admin","ops"]}
                """)
    }

    @Test func `a jti belongs to one session, generation, audience list, subject and client`() throws {
        var grant = Fixture.grant()
        grant.audience = ["api"]
        grant.generation = 5
        let jti = try fixture.claims(try fixture.issuer.accessToken(grant)).jti
        func identity(
            sid: Encoding.UUID = Fixture.sid, _ audience: [String] = ["api"], _ subject: String = "alice",
            _ client: String = "first-party"
        ) -> TokenIdentity {
            TokenIdentity(sid: sid, audience: audience, subject: subject, clientID: client)
        }
        let issuer = fixture.issuer
        #expect(
            issuer.hasIssued(jti, identity(), generations: 0...5)
                && issuer.hasIssued(jti, identity(), generations: 5...9))
        #expect(
            !issuer.hasIssued(jti, identity(), generations: 0...4)
                && !issuer.hasIssued(jti, identity(), generations: 6...7))
        let others = [
            identity(sid: Encoding.UUID(high: 1, low: 1)), identity(["api", "api"]), identity(["billing"]),
            identity(["api"], "bob"), identity(["api"], "alice", "shop"), identity([], "api", "alice"),
            identity(["api"], "alicefirst-party", ""),
        ]
        for other in others { #expect(!issuer.hasIssued(jti, other, generations: 0...9)) }
        #expect(
            try !Fixture(Fixture.everyKeyring).issuer.hasIssued(
                Encoding.UUID(high: 0, low: 0), identity(), generations: 0...9))
    }

    @Test(arguments: Algorithm.allCases.filter(\.isDeterministic))
    func `equal grants give equal octets, also from another issuer (G5)`(_ algorithm: Algorithm) throws {
        let fixture = try Fixture(Fixture.everyKeyring)
        let token = try fixture.issuer.accessToken(Fixture.grant(algorithm))
        _ = try fixture.issuer.accessToken(Fixture.grant(.hs256))
        #expect(try fixture.issuer.accessToken(Fixture.grant(algorithm)) == token)
        #expect(try Fixture(Fixture.everyKeyring).issuer.accessToken(Fixture.grant(algorithm)) == token)
    }

    @Test func `jti follows from session, generation and audience (D4)`() throws {
        var grants = [Fixture.grant()]
        for index in 1...3 {
            var grant = Fixture.grant()
            switch index {
            case 1: grant.generation += 1
            case 2: grant.sid = UUID(high: grant.sid.high, low: grant.sid.low + 1)
            default: grant.audience = ["api", "billing"]
            }
            grants.append(grant)
        }
        let identifiers = try grants.map { try fixture.claims(fixture.issuer.accessToken($0)).jti }
        #expect(Set(identifiers).count == 4)
        for identifier in identifiers {
            #expect(identifier.high >> 12 & 15 == 8)
            #expect(identifier.low >> 62 == 2)
        }
        var other = Fixture.grant()
        other.scope = "read"
        #expect(try fixture.claims(fixture.issuer.accessToken(other)).jti == identifiers[0])
    }

    @Test func `an audience is a string alone and a list otherwise, never none (D5)`() throws {
        var grant = Fixture.grant()
        grant.audience = ["api", "billing"]
        let token = try fixture.issuer.accessToken(grant)
        #expect(try json(1, of: token)["aud"] as? [String] == ["api", "billing"])
        #expect(fixture.refusal(token, audience: "billing") == nil)
        #expect(fixture.refusal(token, audience: "other") == .audienceMismatch)
        for audience in [[], [""], ["api", ""]] {
            grant.audience = audience
            #expect(throws: IssueError.claimUnwritable(.audience)) { try fixture.issuer.accessToken(grant) }
        }
    }

    @Test func `empty claims are left out and no token outlives its session`() throws {
        var grant = Fixture.grant()
        grant.scope = ""
        grant.roles = []
        grant.methods = []
        grant.sessionEnd = Fixture.seconds.adding(seconds: 5)
        let payload = try json(1, of: fixture.issuer.accessToken(grant))
        #expect(Set(payload.keys) == ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "sid", "auth_time"])
        #expect(payload["exp"] as? Int64 == Fixture.seconds.adding(seconds: 5).count)
        #expect(grant.expiresAt == Fixture.seconds.adding(seconds: 5))
    }

    @Test func `further claims are carried over as they are, but never over ours`() throws {
        var grant = Fixture.grant()
        grant.roles = []
        grant.extra = Array(
            #"""
            { "tenant": "a\"b", "n": 1.50, "nested": {"a": [1, {"b": null}]}, "é": true,
              "sub": "mallory", "exp": 9999999999, "r\u006fles": ["admin"], "jti": "x", "gen": 1 }
            """#.utf8)
        let token = try fixture.issuer.accessToken(grant)
        let payload = try json(1, of: token)
        #expect(payload["tenant"] as? String == "a\"b")
        #expect(payload["é"] as? Bool == true)
        #expect((payload["nested"] as? [String: [Any]])?["a"]?.count == 2)
        #expect(payload["sub"] as? String == "alice")
        #expect(payload["roles"] == nil)
        #expect(payload["gen"] == nil)
        #expect(try payloadText(of: token).contains(#""n":1.50"#))
        #expect(try fixture.claims(token).expiresAt == Fixture.seconds.adding(seconds: 600))
    }

    @Test func `further claims that are no strict JSON object are our fault, not a token`() {
        var grant = Fixture.grant()
        grant.extra = Array("[]".utf8)
        #expect(throws: IssueError.extraClaimsNotObject) { try fixture.issuer.accessToken(grant) }
        grant.extra = Array(#"{"a":1,"a":2}"#.utf8)
        #expect(throws: IssueError.extraClaims(.duplicateMember(7))) { try fixture.issuer.accessToken(grant) }
    }

    @Test func `a token of more than 4096 octets is not issued (D10)`() throws {
        var grant = Fixture.grant()
        let bare = try fixture.issuer.accessToken(grant).count
        let room = (Issuer.byteCountMax - bare) * 3 / 4
        grant.extra = Array(#"{"x":"\#(String(repeating: "a", count: room - 16))"}"#.utf8)
        let token = try fixture.issuer.accessToken(grant)
        #expect((4_060...4_096).contains(token.count))
        #expect(fixture.refusal(token) == nil)
        grant.extra = Array(#"{"x":"\#(String(repeating: "a", count: room + 16))"}"#.utf8)
        let fault = #expect(throws: IssueError.self) { try fixture.issuer.accessToken(grant) }
        guard case .tokenTooLarge(let byteCount) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(byteCount > Issuer.byteCountMax)
    }

    @Test(arguments: ["", "a\"b", "a\\b", "a\nb", "\u{7F}"])
    func `a subject that the verifier would refuse is not issued`(_ subject: String) {
        var grant = Fixture.grant()
        grant.subject = subject
        #expect(throws: IssueError.claimUnwritable(.subject)) { try fixture.issuer.accessToken(grant) }
    }

    @Test(arguments: ["Zoë", "用户", "a b", "🐦", "a/b", "<script>"])
    func `any other subject survives`(_ subject: String) throws {
        var grant = Fixture.grant()
        grant.subject = subject
        let claims = try fixture.claims(fixture.issuer.accessToken(grant))
        #expect(claims.text(claims.subject) == subject)
    }

    @Test(arguments: [.distantPast, -1_000, .distantFuture] as [UnixMilliseconds])
    func `times out of range are not issued and do not trap`(_ time: UnixMilliseconds) {
        var grant = Fixture.grant()
        grant.issuedAt = time
        grant.lifetime = .max
        #expect(throws: IssueError.claimUnwritable(.issuedAt)) { try fixture.issuer.accessToken(grant) }
    }

    @Test func `without a key of the algorithm nothing is issued`() throws {
        let lonely = try Fixture(Keyring([Fixture.refresh]))
        #expect(throws: IssueError.noSigningKey(.rs256)) { try lonely.issuer.accessToken(Fixture.grant(.rs256)) }
        let jwk = try #require(Fixture.rsa.publicJWK())
        let verifying = try Fixture(Keyring([Key(jwk: jwk), Fixture.refresh]))
        #expect(throws: IssueError.noSigningKey(.rs256)) { try verifying.issuer.accessToken(Fixture.grant(.rs256)) }
        #expect(try verifying.refusal(fixture.issuer.accessToken(Fixture.grant(.rs256))) == nil)
    }
}
