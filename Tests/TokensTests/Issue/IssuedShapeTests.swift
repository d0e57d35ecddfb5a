import Platform
import TestForm
import Testing
import Tokens

/// A payload of the shape that we write takes a short cut past the JSON reader; both ways must say the same.
@Suite("The short cut for payloads of our own shape (A6, E1-E11)")
struct IssuedShapeTests {
    private static let usual = """
        {"iss":"https://auth.example","sub":"019a0000-0000-7001-8000-0000000000aa","aud":"api","client_id":"first-party",\
        "iat":1800000000,"exp":1800000600,"jti":"0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7",\
        "sid":"019a0000-0000-7001-8000-000000000001","scope":"read write","auth_time":1799999900,"amr":["pwd"],\
        "roles":["admin","ops"]}
        """

    /// What a verifier says of a payload, in words that can be compared.
    private static func verdict(_ payload: [UInt8], _ fixture: Fixture) -> String {
        let token = Forge.token(payload: String(decoding: payload, as: UTF8.self), key: Fixture.hmac)
        do {
            let claims = try fixture.claims(token)
            let texts = [claims.subject, claims.clientID, claims.scope].map { $0.map { claims.text($0) } ?? "-" }
            let numbers = [claims.issuedAt, claims.expiresAt, claims.authTime ?? -1]
            return
                "\(claims.jti) \(claims.sid.map(\.description) ?? "-") \(texts) \(numbers) \(claims.roles) \(claims.audiences)"
        } catch {
            return "\(error)"
        }
    }

    @Test func `says what the general way says of the usual payload`() throws {
        let fixture = try Fixture()
        let usual = Array(Self.usual.utf8)
        let spaced = Array(Self.usual.replacing("{\"iss\"", with: "{ \"iss\"").utf8)
        let verdict = Self.verdict(usual, fixture)
        #expect(verdict.contains("019a0000-0000-7001-8000-0000000000aa"))
        #expect(verdict.contains("admin"))
        #expect(verdict == Self.verdict(spaced, fixture))
    }

    @Test func `says what the general way says of thousands of payloads one or two octets beside it`() throws {
        let fixture = try Fixture()
        var random = Seeded(state: 20_261_121)
        let letters = Array(#"{}[]":,\ 0123456789abcdefx-"#.utf8) + [0, 9, 10, 0x7f, 0x80, 0xc3, 0xff]
        for _ in 0..<TestForm.pick(quick: 2_000, normal: 20_000) {
            var payload = Array(Self.usual.utf8)
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let place = Int.random(in: 1..<payload.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: payload[place] = letters.randomElement(using: &random) ?? 0
                case 1: payload.remove(at: place)
                default: payload.insert(letters.randomElement(using: &random) ?? 0, at: place)
                }
            }
            guard let text = String(validating: payload, as: UTF8.self) else { continue }
            // White space behind the brace changes no meaning, and no such payload takes the short cut.
            let spaced = Array(text.utf8.prefix(1)) + [0x20] + Array(text.utf8.dropFirst())
            let (short, general) = (Self.verdict(payload, fixture), Self.verdict(spaced, fixture))
            #expect(short == general, "\(text)")
        }
    }

    @Test(arguments: [
        "0", "7", "4194401", "999999999999999", "1000000000000000", "9223372036854775807", "9223372036854775808", "01",
        "-1",
        "1.0", "1e3", "\"7\"", "null", "",
    ])
    func `says what the general way says of a birth`(_ birth: String) throws {
        let fixture = try Fixture()
        let payload = Self.usual.replacing(",\"scope\"", with: ",\"bsq\":\(birth),\"scope\"")
        let spaced = payload.replacing("{\"iss\"", with: "{ \"iss\"")
        func read(_ text: String) -> String {
            let token = Forge.token(payload: text, key: Fixture.hmac)
            do { return try fixture.claims(token).birth.map(String.init) ?? "-" } catch { return "\(error)" }
        }
        let found = read(payload)
        #expect(found == read(spaced))
        let isNumber = UInt64(birth).map { String($0) == birth && $0 <= UInt64(Int64.max) } ?? false
        #expect(isNumber ? found == birth : found != birth)
    }

    @Test func `tokens carry a birth from the login on`() throws {
        let fixture = try Fixture()
        var grant = Fixture.grant()
        #expect(try fixture.claims(try fixture.issuer.accessToken(grant)).birth == nil)
        grant.birth = 4_194_401
        #expect(try fixture.claims(try fixture.issuer.accessToken(grant)).birth == 4_194_401)
        var claims = Fixture.refreshClaims()
        claims.birth = 4_194_401
        let refresh = try fixture.issuer.refreshToken(claims)
        #expect(try fixture.verifier.verifyRefresh(refresh.span, now: Fixture.now).birth == 4_194_401)
    }

    @Test func `end at their exp, and not a second later`() throws {
        let fixture = try Fixture()
        let token = try fixture.issuer.accessToken(Fixture.grant())
        #expect(fixture.refusal(token, now: Fixture.now.adding(milliseconds: 599_999)) == nil)
        #expect(fixture.refusal(token, now: Fixture.now.adding(milliseconds: 600_000)) == .expired)
    }
}
