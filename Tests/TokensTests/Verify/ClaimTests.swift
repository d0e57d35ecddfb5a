import JOSE
import Platform
import Testing
import Tokens

@Suite("Claims: every token here is well signed, so only the claims decide")
struct ClaimTests {
    let fixture: Fixture

    init() throws { fixture = try Fixture() }

    private func refusal(_ changes: [String: String?], now: UnixMilliseconds = Fixture.now) -> TokenRejection? {
        fixture.refusal(Forge.token(payload: Forge.payload(changes)), now: now)
    }

    @Test func `the plain payload passes and unknown claims are ignored (E11)`() {
        #expect(refusal([:]) == nil)
        #expect(refusal(["foo": "{\"a\":[1,2,{}]}", "nonce": "null", "gen": "\"x\""]) == nil)
    }

    @Test(arguments: ["iss", "sub", "aud", "iat", "exp", "jti"])
    func `a required claim that is missing is named (E4, E6)`(_ name: String) throws {
        #expect(refusal([name: nil as String?]) == .claimMissing(try #require(Claim(rawValue: name))))
    }

    @Test(arguments: [
        "", "null", "1", "[]", #""text""#, "{", "{} {}", #"{"a":1,}"#, "\u{FEFF}{}",
        #"{"exp":1800000600,"exp":1900000000}"#,
        #"{"exp":1800000600,"\u0065xp":1900000000}"#, #"{"exp":NaN}"#, #"{"exp":Infinity}"#, #"{"exp":01}"#,
        #"{"exp":+1}"#,
        #"{"sub":"\ud800"}"#,
    ])
    func `a payload that is no strict JSON object is refused whole (A6, E3)`(_ payload: String) {
        #expect(fixture.refusal(Forge.token(payload: payload)) == .malformed(.payload))
    }

    @Test func `a claim named with an escape is the same claim (A5, A6)`() {
        let payload = Forge.payload.replacingOccurrences("\"exp\"", #""e\u0078p""#)
        #expect(fixture.refusal(Forge.token(payload: payload)) == nil)
        #expect(
            fixture.refusal(Forge.token(payload: payload), now: Fixture.now.adding(milliseconds: 600_000)) == .expired)
        // A zero octet in front makes another name.
        let other = Forge.payload.replacingOccurrences("\"exp\"", #""\u0000exp""#)
        #expect(fixture.refusal(Forge.token(payload: other)) == .claimMissing(.expiresAt))
    }

    @Test func `a token ends with the second of exp (E1)`() throws {
        #expect(refusal([:], now: Fixture.now.adding(milliseconds: 599_999)) == nil)
        #expect(refusal([:], now: Fixture.now.adding(milliseconds: 600_000)) == .expired)
        let lenient = try Fixture(leeway: 60)
        let token = Forge.token()
        #expect(lenient.refusal(token, now: Fixture.now.adding(milliseconds: 659_999)) == nil)
        #expect(lenient.refusal(token, now: Fixture.now.adding(milliseconds: 660_000)) == .expired)
        let greedy = try Fixture(leeway: 3_600)
        #expect(greedy.refusal(token, now: Fixture.now.adding(milliseconds: 660_000)) == .expired)
    }

    @Test(arguments: [
        #""1800000600""#, "true", "false", "null", "[]", "[1800000600]", "{}", "1e999", "-1e999", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616",
        "1800000600.5", "1e400",
        "0.1e-400", "253402300800", "-1", "123456789012345678901234567890123456789012345678901234567890", "1E18",
        "1e19",
    ])
    func `a time that is no whole number in range is refused without a trap (E3, D3)`(_ value: String) {
        #expect(refusal(["exp": value]) == .claimInvalid(.expiresAt))
        #expect(refusal(["iat": value]) == .claimInvalid(.issuedAt))
        #expect(refusal(["nbf": value]) == .claimInvalid(.notBefore))
        #expect(refusal(["auth_time": value]) == .claimInvalid(.authTime))
    }

    @Test func `times at the edges of the range work (E3)`() {
        #expect(refusal(["exp": "253402300799"]) == nil)
        #expect(refusal(["exp": "253402300799"], now: .distantFuture) == .expired)
        #expect(refusal([:], now: .distantPast) == nil)
        #expect(refusal(["exp": "0"]) == .expired)
        #expect(refusal(["exp": "-0"], now: .distantFuture) == .expired)
        #expect(refusal(["exp": "1.8000006e9"]) == nil)
    }

    @Test func `nbf ahead of the clock is refused (E2)`() {
        #expect(refusal(["nbf": "1800000000"]) == nil)
        #expect(refusal(["nbf": "1800000001"]) == .notActive)
        #expect(refusal(["nbf": "1800000001"], now: Fixture.now.adding(milliseconds: 1_000)) == nil)
    }

    @Test(arguments: [
        "https://auth.example/", "https://AUTH.example", "http://auth.example", "https://auth.example ", "",
        "auth.example",
    ])
    func `iss must be ours octet by octet (E5, A13)`(_ issuer: String) {
        #expect(refusal(["iss": "\"\(issuer)\""]) == .issuerMismatch)
    }

    @Test(arguments: ["null", "1", "[\"https://auth.example\"]", "{}"])
    func `an iss that is no string is refused (E5)`(_ value: String) {
        #expect(refusal(["iss": value]) == .issuerMismatch)
    }

    @Test(arguments: [#""api""#, #"["api"]"#, #"["other","api"]"#, #"["api","other"]"#, #""\u0061pi""#])
    func `aud is a string or a list that holds the expected name (E6)`(_ value: String) {
        #expect(refusal(["aud": value]) == nil)
    }

    @Test(arguments: [
        #""""#, #""API""#, #""api ""#, #""api/""#, #"[]"#, #"["other"]"#, #"[""]"#, #""api,other""#, #"["ap","i"]"#,
    ])
    func `another aud is refused (E6)`(_ value: String) {
        #expect(refusal(["aud": value]) == .audienceMismatch)
    }

    @Test(arguments: ["1", "null", "true", #"{"api":1}"#, #"["api",1]"#, #"[["api"]]"#, #"[null]"#])
    func `an aud of another type is refused (E6)`(_ value: String) {
        #expect(refusal(["aud": value]) == .claimInvalid(.audience))
    }

    @Test func `any of several expected audiences will do, none will not`() throws {
        let token = Forge.token()
        func isAccepted(_ names: [String]) -> Bool {
            (try? fixture.verifier.verify(token.span, audience: .init(anyOf: names), now: Fixture.now)) != nil
        }
        #expect(isAccepted(["x", "api"]))
        #expect(!isAccepted(["x", "y"]))
        #expect(!isAccepted([]))
    }

    @Test(arguments: ["1", "null", "[]", #""""#, #""al\u0069ce""#])
    func `sub and client_id are plain texts with one spelling`(_ value: String) {
        #expect(refusal(["sub": value]) == .claimInvalid(.subject))
        #expect(refusal(["client_id": value]) == .claimInvalid(.clientID))
    }

    @Test(arguments: [
        "1", "null", #""""#, #""x""#, #""0191A2B3-C4D5-8E6F-8091-A2B3C4D5E6F7""#,
        #""0191a2b3c4d58e6f8091a2b3c4d5e6f7""#,
        #""\u0030191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7""#,
    ])
    func `identifiers have one spelling`(_ value: String) {
        #expect(refusal(["jti": value]) == .claimInvalid(.tokenID))
        #expect(refusal(["sid": value]) == .claimInvalid(.sessionID))
    }

    @Test(arguments: ["1", "null", #"["read"]"#, #""r\u0065ad""#])
    func `scope is one plain string (D6)`(_ value: String) {
        #expect(refusal(["scope": value]) == .claimInvalid(.scope))
    }

    @Test func `what was verified can be read`() throws {
        let payload = Forge.payload([
            "sid": #""019a0000-0000-7001-8000-000000000001""#, "scope": #""read write""#, "auth_time": "1799999999",
            "roles": #"["admin","\u006fps"]"#,
        ])
        let claims = try fixture.claims(Forge.token(payload: payload, key: Fixture.rsa))
        #expect(claims.jti.description == "0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7")
        #expect(claims.sid == Fixture.sid)
        #expect(claims.text(claims.subject) == "alice")
        #expect(claims.text(claims.clientID) == "first-party")
        #expect(claims.text(claims.scope) == "read write")
        #expect(claims.issuedAt == 1_800_000_000)
        #expect(claims.expiresAt == 1_800_000_600)
        #expect(claims.authTime == 1_799_999_999)
        #expect(claims.algorithm == .rs256)
        #expect(fixture.keyring.keys[claims.keyIndex].kid == Fixture.rsa.kid)
        #expect(claims.kid == Array(Fixture.rsa.kid.utf8))
        #expect(claims.payload == Array(payload.utf8))
        #expect(claims.audiences == ["api"])
        #expect(claims.roles == ["admin", "ops"])
    }

    @Test func `a verified token keeps its payload, roles and key whatever is verified after it (E10)`() throws {
        let first = Forge.payload(["sub": #""bob""#, "aud": #"["api","b"]"#, "roles": #"["admin"]"#])
        let one = try fixture.claims(Forge.token(payload: first, key: Fixture.rsa))
        let other = try fixture.claims(Forge.token())
        #expect(refusal(["roles": #"["ops"]"#, "exp": "1"]) == .expired)
        #expect(one.payload == Array(first.utf8) && other.payload == Array(Forge.payload.utf8))
        #expect(one.text(one.subject) == "bob" && other.text(other.subject) == "alice")
        #expect(one.roles == ["admin"] && other.roles == [])
        #expect(one.audiences == ["api", "b"] && other.audiences == ["api"])
        #expect(one.kid == Array(Fixture.rsa.kid.utf8) && other.kid == Array(Fixture.hmac.kid.utf8))
        #expect(one.algorithm == .rs256 && other.algorithm == .hs256)
    }

    @Test func `roles that are no list of strings are none`() throws {
        #expect(try fixture.claims(Forge.token(payload: Forge.payload(["roles": #""admin""#]))).roles == [])
        #expect(try fixture.claims(Forge.token(payload: Forge.payload(["roles": #"["a",1]"#]))).roles == [])
    }

    @Test func `claims count only after the signature (A14)`() {
        var token = Forge.token(payload: Forge.payload(["exp": "1", "iss": "\"x\"", "aud": "\"x\""]))
        #expect(fixture.refusal(token) == .issuerMismatch)
        token[token.count - 2] ^= 1
        #expect([.signatureInvalid, .malformed(.signature)].contains(fixture.refusal(token)))
    }
}

extension String {
    fileprivate func replacingOccurrences(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
