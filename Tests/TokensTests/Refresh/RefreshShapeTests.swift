import Encoding
import JOSE
import TestForm
import Testing
@testable import Tokens

/// A refresh token as the service writes it takes a short path past the JSON reader; both ways must have the same result.
@Suite("The short path for refresh tokens")
struct RefreshShapeTests {
    private static let usual = """
        {"aud":"https://auth.example","sid":"019a0000-0000-7001-8000-000000000001","gen":3,"sub":"alice",\
        "client_id":"first-party","iat":1800000000,"exp":1800001000,"sxp":1800005000,"taud":["api","billing"],\
        "scope":"read write","auth_time":1799999900,"amr":["pwd"]}
        """

    private static func verdict(_ payload: String, _ fixture: Fixture) -> String {
        let token = Forge.token(
            header: Forge.header(Fixture.refresh, typ: "rt+jwt"), payload: payload, key: Fixture.refresh)
        do { return "\(try fixture.refreshClaims(token))" } catch { return "\(error)" }
    }

    @Test func `is the one that issued tokens take`() throws {
        let fixture = try Fixture()
        let opening = RefreshShape.opening(issuer: Fixture.issuerName)
        for generation: UInt32 in [0, 7, 10, .max] {
            var claims = Fixture.refreshClaims()
            claims.generation = generation
            let token = try fixture.issuer.refreshToken(claims)
            let payload = try UnverifiedJWS(token.span).payload
            let found = RefreshShape.claims(payload.span, opening: opening.span, kid: "")
            #expect(found == claims)
        }
    }

    @Test func `agrees with the general reader on thousands of payloads that differ in one or two bytes`() throws {
        let fixture = try Fixture()
        #expect(Self.verdict(Self.usual, fixture).contains("billing"))
        var random = Seeded(state: 20_261_129)
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
            // White space after the brace changes no meaning, and no such payload takes the short path.
            let spaced = String(text.prefix(1)) + " " + String(text.dropFirst())
            let (short, general) = (Self.verdict(text, fixture), Self.verdict(spaced, fixture))
            #expect(short == general, "\(text)")
        }
    }
}
