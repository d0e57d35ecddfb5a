import Encoding
import JOSE
import Keys
import Testing
import Tokens

@Suite("JOSE header: every token here is well signed, so only the header decides")
struct HeaderTests {
    let fixture: Fixture
    let kid = Fixture.hmac.kid

    init() throws { fixture = try Fixture() }

    private func refusal(_ header: String, _ key: Key = Fixture.hmac) -> TokenRejection? {
        fixture.refusal(Forge.token(header: header, key: key))
    }

    @Test func `the header that we write passes, as does the same said differently`() {
        #expect(refusal(Forge.header(Fixture.hmac)) == nil)
        #expect(refusal(#"{ "kid":"\#(kid)", "typ":"at+jwt", "alg":"HS256" }"#) == nil)
        #expect(refusal(Forge.header(Fixture.rsa), Fixture.rsa) == nil)
    }

    @Test(arguments: [
        "", "null", "1", #""HS256""#, "[]", #"["alg"]"#, "{", #"{"alg":"HS256",}"#, "\u{FEFF}{}", #"{"alg":"HS256"} x"#,
        #"{"alg":"HS256"}{"alg":"HS256"}"#, "{\"alg\":\"HS256\",\"x\":\"\u{1}\"}", #"{'alg':'HS256'}"#,
        #"{"alg":"HS256"}"# + "\0", #"{"typ":"at+jwt"}"#,
    ])
    func `a header that is no strict JSON object with alg is refused (A4, A7)`(_ header: String) {
        #expect(refusal(header) == .malformed(.header))
    }

    @Test func `broken UTF-8 and UTF-16 headers are refused (A4)`() {
        let payload = Base64URL.encode(Array(Forge.payload.utf8))
        let text = Forge.header(Fixture.hmac)
        let utf16 = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        let broken = Array(text.utf8.dropLast()) + Array(#","x":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
        for header in [utf16, [0xFF, 0xFE] + utf16, broken, [0xEF, 0xBB, 0xBF] + Array(text.utf8)] {
            let token = Forge.token(headerText: Base64URL.encode(header), payloadText: payload, key: Fixture.hmac)
            #expect(fixture.refusal(token) == .malformed(.header))
        }
    }

    @Test(arguments: ["alg", "kid", "typ", "x"])
    func `duplicate members are refused, escaped or not (A5)`(_ name: String) {
        let value = ["alg": "HS256", "kid": kid, "typ": "at+jwt", "x": "y"][name] ?? ""
        let escaped = #"\u00"# + String(name.utf8.first ?? 0, radix: 16) + name.dropFirst()
        for second in [name, escaped] {
            let header = #"{"alg":"HS256","kid":"\#(kid)","typ":"at+jwt","x":"y","\#(second)":"\#(value)"}"#
            #expect(refusal(header) == .malformed(.header), "\(header)")
        }
    }

    @Test func `a name written with an escape is the same name (A5)`() {
        #expect(refusal(#"{"\u0061lg":"HS256","k\u0069d":"\#(kid)","t\u0079p":"at+jwt"}"#) == nil)
        #expect(refusal(#"{"alg":"HS256","kid":"\#(kid)","typ":"at+jwt","cr\u0069t":["exp"]}"#) == .criticalUnsupported)
    }

    @Test(arguments: ["null", "1", "true", #"["HS256"]"#, #"{"HS256":1}"#])
    func `an alg that is no string is refused (A7)`(_ value: String) {
        #expect(refusal(#"{"alg":\#(value),"kid":"\#(kid)","typ":"at+jwt"}"#) == .malformed(.header))
    }

    @Test(arguments: [
        "none", "None", "NONE", "nOnE", "none ", " none", "", "hs256", "Hs256", "HS256 ", " HS256", "HS256\\u0000",
        "ES256K", "ES521", "Ed25519", "eddsa", "RSA1_5", "dir", "A256KW", "RSA-OAEP", "ＨＳ256",
    ])
    func `an unknown alg is refused, signed or not (A7, A8, B2)`(_ name: String) {
        let header = #"{"alg":"\#(name)","kid":"\#(kid)","typ":"at+jwt"}"#
        #expect(refusal(header) == .algNotAllowed)
        let unsigned = "\(Base64URL.encode(Array(header.utf8))).\(Base64URL.encode(Array(Forge.payload.utf8)))."
        #expect(fixture.refusal(unsigned) == .algNotAllowed)
        #expect(refusal(#"{"alg":"\#(name)","typ":"at+jwt"}"#) == .algNotAllowed)
    }

    @Test func `an alg that the key does not have is refused (B1, B2)`() {
        let hmacAsRSA = #"{"alg":"RS256","kid":"\#(kid)","typ":"at+jwt"}"#
        #expect(refusal(hmacAsRSA) == .algNotAllowed)
        let rsaAsHMAC = #"{"alg":"HS256","kid":"\#(Fixture.rsa.kid)","typ":"at+jwt"}"#
        #expect(refusal(rsaAsHMAC, Fixture.rsa) == .algNotAllowed)
    }

    @Test(arguments: [
        "[]", #"["exp"]"#, #"["b64"]"#, #"["alg"]"#, #"["x"]"#, #"["exp","exp"]"#, #""exp""#, "null", "1", "{}", "[1]",
        #"["http://example.com/UNDEFINED"]"#,
    ])
    func `crit is refused whatever it names (A9)`(_ value: String) {
        let header = #"{"alg":"HS256","kid":"\#(kid)","typ":"at+jwt","x":1,"exp":1,"crit":\#(value)}"#
        #expect(refusal(header) == .criticalUnsupported)
    }

    @Test(arguments: ["true", "false", #""false""#, "null"])
    func `b64 is refused (A10)`(_ value: String) {
        let header = #"{"alg":"HS256","kid":"\#(kid)","typ":"at+jwt","b64":\#(value)}"#
        #expect(refusal(header) == .criticalUnsupported)
    }

    @Test func `unknown members and embedded keys are ignored (A11, B17)`() {
        let others =
            #""jku":"http://127.0.0.1:1/","jwk":{"kty":"oct","k":"AA"},"x5u":"file:///etc/passwd","x5c":["AA"]"#
        #expect(refusal(#"{"alg":"HS256","kid":"\#(kid)","typ":"at+jwt","zip":"DEF","foo":[{}],\#(others)}"#) == nil)
    }

    @Test func `an embedded key does not verify its own signature (B17)`() throws {
        let stranger = try Key.generate(.rs256, purpose: .access, createdAt: 0)
        let jwk = String(decoding: try #require(stranger.publicJWK()), as: UTF8.self)
        let named = #"{"alg":"RS256","typ":"at+jwt","kid":"\#(Fixture.rsa.kid)","jwk":\#(jwk)}"#
        #expect(refusal(named, stranger) == .signatureInvalid)
        let own = #"{"alg":"RS256","typ":"at+jwt","kid":"\#(stranger.kid)","jwk":\#(jwk)}"#
        #expect(refusal(own, stranger) == .kidUnknown)
        #expect(refusal(#"{"alg":"RS256","typ":"at+jwt","jwk":\#(jwk)}"#, stranger) == .kidMissing)
    }

    @Test(arguments: ["1", "null", "[]", "{}", "true"])
    func `a kid that is no string is refused (B19)`(_ value: String) {
        #expect(refusal(#"{"alg":"HS256","typ":"at+jwt","kid":\#(value)}"#) == .malformed(.header))
    }

    @Test(arguments: [
        "", "x", "../../../../dev/null", "/etc/passwd", "' OR 1=1 --", "| sleep 5", "http://127.0.0.1/", "\\u0000",
        String(repeating: "k", count: 5_000),
    ])
    func `a hostile kid is a plain refusal (B18)`(_ name: String) {
        #expect(refusal(#"{"alg":"HS256","typ":"at+jwt","kid":"\#(name)"}"#) == .kidUnknown)
        #expect(refusal(#"{"alg":"HS256","typ":"at+jwt","kid":"\#(kid)\#(name)x"}"#) == .kidUnknown)
    }

    @Test(arguments: ["at+jwt", "AT+JWT", "at+JWT", "application/at+jwt", "Application/AT+jwt"])
    func `typ is a media type without regard to case (E7)`(_ typ: String) {
        #expect(refusal(Forge.header(Fixture.hmac, typ: typ)) == nil)
    }

    @Test(arguments: [
        "JWT", "jwt", "", "rt+jwt", "at+jwt ", "text/at+jwt", "application/jwt", "dpop+jwt", "at\\u002bjwt",
    ])
    func `another typ is refused (E7)`(_ typ: String) {
        #expect(refusal(Forge.header(Fixture.hmac, typ: typ)) == .typMismatch)
    }

    @Test(arguments: ["", #","typ":1"#, #","typ":null"#, #","typ":["at+jwt"]"#])
    func `a missing typ, or one that is no string, is refused (E7)`(_ member: String) {
        #expect(refusal(#"{"alg":"HS256","kid":"\#(kid)"\#(member)}"#) == .typMismatch)
    }

    @Test func `a deeply nested header costs no more than a refusal (A15)`() {
        let nested = String(repeating: "[", count: 3_000)
        #expect(refusal(#"{"alg":"HS256","x":\#(nested)"#) == .malformed(.header))
    }
}
