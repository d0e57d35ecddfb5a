import Encoding
import Foundation
import JOSE
import OpenSSL
import Testing
import Tokens

@Suite("Attacks on the format and the signature")
struct AttackTests {
    let fixture: Fixture
    let tokens: [[UInt8]]

    init() throws {
        let fixture = try Fixture(Fixture.everyKeyring)
        self.fixture = fixture
        tokens = try [Algorithm.hs256, .rs256, .es256, .edDSA, .ps256, .hs512].map { algorithm in
            var grant = Fixture.grant(algorithm)
            grant.subject = "owner of \(algorithm)"
            return try fixture.issuer.accessToken(grant)
        }
    }

    private func parts(_ token: [UInt8]) -> [String] {
        String(decoding: token, as: UTF8.self).components(separatedBy: ".")
    }

    @Test func `a public key in any spelling is no HMAC secret (B3)`() throws {
        let jwk = try #require(Fixture.rsa.publicJWK())
        let modulus = try #require(Fixture.rsa.modulus)
        // SubjectPublicKeyInfo of a 2048-bit key with exponent 65537, RFC 5280 §4.1.2.7.
        let der: [UInt8] =
            [0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
            + [0x05, 0x00]
            + [0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00]
            + modulus + [0x02, 0x03, 1, 0, 1]
        let base64 = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        let pem = "-----BEGIN PUBLIC KEY-----\n\(base64)\n-----END PUBLIC KEY-----"
        let spellings = [
            jwk, modulus, Array(Base64URL.encode(modulus).utf8), der, Array(pem.utf8), Array("\(pem)\n".utf8),
            Array(" \(pem)".utf8), Array(Fixture.keyring.jwks),
        ]
        for secret in spellings {
            let mac = try MACContext(MACKey(secret))
            for header in [
                #"{"alg":"HS256","typ":"at+jwt","kid":"\#(Fixture.rsa.kid)"}"#, Forge.header(Fixture.rsa),
                #"{"alg":"HS256","typ":"at+jwt"}"#,
            ] {
                let input = [header, Forge.payload].map { Base64URL.encode(Array($0.utf8)) }.joined(separator: ".")
                let octets = Array(input.utf8)
                let tag = try mac.authenticate(octets.span)
                let token = "\(input).\(Base64URL.encode(tag.octets))"
                #expect([.algNotAllowed, .signatureInvalid, .kidMissing].contains(fixture.refusal(token)))
            }
        }
    }

    @Test func `a missing, shortened, lengthened or swapped signature is refused (A12, B6)`() {
        for (token, other) in zip(tokens, tokens.reversed()) {
            let (mine, others) = (parts(token), parts(other))
            let signature = Base64URL.decode(mine[2]) ?? []
            let wrong = [
                [], Array(signature.dropLast()), Array(signature.dropFirst()), signature + [0], [0] + signature,
                Array(signature.prefix(16)), [UInt8](repeating: 0, count: signature.count), signature + signature,
                Base64URL.decode(others[2]) ?? [],
            ]
            for octets in wrong {
                #expect(fixture.refusal("\(mine[0]).\(mine[1]).\(Base64URL.encode(octets))") == .signatureInvalid)
            }
            #expect(fixture.refusal("\(mine[0]).\(others[1]).\(mine[2])") == .signatureInvalid)
        }
    }

    @Test(arguments: ["=", "==", " ", "\n", "\r\n", "\t", "\0", "+", "/", "?", ".", "é"])
    func `letters outside the alphabet are refused wherever they stand (A2)`(_ letters: String) {
        for token in tokens {
            let text = String(decoding: token, as: UTF8.self)
            let parts = parts(token)
            #expect(fixture.refusal(text) == nil)
            for spoilt in [
                letters + text, text + letters, "\(parts[0])\(letters).\(parts[1]).\(parts[2])",
                "\(parts[0]).\(parts[1])\(letters).\(parts[2])", "\(parts[0]).\(letters)\(parts[1]).\(parts[2])",
                "\(parts[0]).\(parts[1]).\(letters)\(parts[2])",
            ] {
                guard case .malformed = fixture.refusal(spoilt) else {
                    Issue.record("\(String(describing: fixture.refusal(spoilt))) for \(spoilt)")
                    continue
                }
            }
        }
    }

    @Test func `every token has one spelling: unused bits must be zero (A3)`() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for token in tokens {
            var acceptedCount = 0
            for letter in alphabet {
                var other = token
                other[other.count - 1] = letter
                if fixture.refusal(other) == nil { acceptedCount += 1 }
            }
            #expect(acceptedCount == 1)
        }
        // Signed as they are, so that only the spelling is wrong.
        let header = Base64URL.encode(Array(Forge.header(Fixture.hmac).utf8))
        let payload = Base64URL.encode(Array((Forge.payload + " ").utf8))
        let spoilt = [(header + "=", payload), (header, payload + "="), (header, payload + "A")]
        for (headerText, payloadText) in spoilt {
            let token = Forge.token(headerText: headerText, payloadText: payloadText, key: Fixture.hmac)
            guard case .malformed = fixture.refusal(token) else {
                Issue.record("accepted \(headerText).\(payloadText)")
                continue
            }
        }
    }

    @Test func `huge and deep input is refused at once (A15)`() {
        #expect(fixture.refusal([UInt8](repeating: 0x41, count: 1 << 20)) == .tooLong(byteCount: 1 << 20))
        #expect(fixture.refusal([UInt8](repeating: 0x2E, count: 1 << 20)) == .tooLong(byteCount: 1 << 20))
        for nesting in ["[", "{\"a\":"] {
            let deep = String(repeating: nesting, count: 1_000)
            #expect(fixture.refusal(Forge.token(payload: deep)) == .malformed(.payload))
        }
        let wide = "{\"a\":[" + String(repeating: "1,", count: 2_600) + "1]}"
        #expect(fixture.refusal(Forge.token(payload: wide)) != nil)
    }

    @Test func `all short inputs over the separators are refused`() {
        for length in 0..<7 {
            for pattern in 0..<(1 << length) {
                let octets = (0..<length).map { UInt8(ascii: pattern >> $0 & 1 == 1 ? "." : "A") }
                #expect(fixture.refusal(octets) != nil)
                #expect(fixture.refreshRefusal(octets) != nil)
            }
        }
    }

    @Test(arguments: [1 as UInt64, 2, 3])
    func `no mutation of a good token is accepted (A12)`(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        let refresh = try fixture.issuer.refreshToken(Fixture.refreshClaims())
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ".utf8)
        for round in 0..<3_000 {
            let original = (tokens + [refresh])[round % 7]
            var token = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<token.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: token[index] = UInt8.random(in: 0...255, using: &random)
                case 1: token[index] = alphabet.randomElement(using: &random) ?? 0x41
                case 2: token.remove(at: index)
                case 3: token.insert(alphabet.randomElement(using: &random) ?? 0x41, at: index)
                case 4: token.removeLast(min(token.count - 1, Int.random(in: 1...40, using: &random)))
                default: token.swapAt(index, Int.random(in: 0..<token.count, using: &random))
                }
            }
            guard token != original else { continue }
            #expect(fixture.refusal(token) != nil, "\(String(decoding: token, as: UTF8.self))")
            #expect(fixture.refreshRefusal(token) != nil, "\(String(decoding: token, as: UTF8.self))")
        }
        for token in tokens { #expect(fixture.refusal(token) == nil) }
    }

    @Test(arguments: [4 as UInt64, 5])
    func `well-signed payloads of any octets never trap (E3, A6)`(_ seed: UInt64) {
        var random = Seeded(state: seed)
        let source = Array(
            Forge.payload([
                "nbf": "1", "auth_time": "1e3", "scope": "\"a\"", "sid": "\"0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7\"",
            ]).utf8)
        let snippets = [
            "1e999", "-", "9223372036854775808", "\\u0000", "\\ud800", "\"", "[", "}", "null", ",", ":", "\u{FEFF}",
        ]
        for _ in 0..<4_000 {
            var payload = source
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<payload.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: payload[index] = UInt8.random(in: 0...255, using: &random)
                case 1: payload.insert(contentsOf: (snippets.randomElement(using: &random) ?? "").utf8, at: index)
                default: payload.removeSubrange(index..<min(payload.count, index + 3))
                }
            }
            let header = Base64URL.encode(Array(Forge.header(Fixture.hmac).utf8))
            let token = Forge.token(headerText: header, payloadText: Base64URL.encode(payload), key: Fixture.hmac)
            let verdict = fixture.refusal(token)
            // A second opinion: what passes must at least be an object that still names us.
            if verdict == nil {
                let object = (try? JSONSerialization.jsonObject(with: Data(payload))) as? [String: Any]
                #expect(object?["iss"] as? String == Fixture.issuerName)
            }
        }
    }
}
