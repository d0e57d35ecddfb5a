import JOSE
import Testing
import Tokens

@Suite("Compact JWS, RFC 7515 §7.1 (A1, A15, A16)")
struct CompactJWSTests {
    @Test(arguments: [
        "", ".", "a", "a.b", "a.b.c.d", "a.b.c.d.e", "....", #"{"payload":"","signatures":[]}"#,
        String(repeating: ".", count: 8_192),
    ])
    func `refuses anything but two separators`(_ text: String) {
        #expect(throws: TokenRejection.malformed(.separators)) { try split(text) }
    }

    @Test func `finds the three parts and what the signature covers`() throws {
        let jws = try split("aa.bbb.c")
        #expect(jws.header == 0..<2)
        #expect(jws.payload == 3..<6)
        #expect(jws.signature == 7..<8)
        #expect(jws.signingInput == 0..<6)
    }

    @Test(arguments: ["..", "a..", ".a.", "..a"])
    func `empty parts are for the next stage to refuse`(_ text: String) throws {
        #expect(try split(text).signature.upperBound == text.utf8.count)
    }

    @Test(arguments: [8_193, 1 << 20])
    func `refuses long input before looking at it`(_ byteCount: Int) {
        #expect(throws: TokenRejection.tooLong(byteCount: byteCount)) {
            try split(String(repeating: ".", count: byteCount))
        }
        #expect(throws: TokenRejection.malformed(.separators)) { try split(String(repeating: "a", count: 8_192)) }
    }

    private func split(_ text: String) throws(TokenRejection) -> CompactJWS {
        let octets = Array(text.utf8)
        return try CompactJWS(octets.span)
    }
}
