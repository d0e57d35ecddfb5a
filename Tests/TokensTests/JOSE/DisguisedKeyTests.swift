import Encoding
import Foundation
@testable import JOSE
@testable import Keys
import OpenSSL
import Testing
@testable import Tokens

/// Keys whose public half anybody may know, in every form in which they could be given as a secret (B3).
@Suite("Keys in the disguise of a secret")
struct DisguisedKeyTests {
    private static let rsa = made(.rs256)
    private static let edwards = made(.edDSA)
    private static let curves: [Algorithm] = [.es256, .es384, .es512]

    private static func made(_ algorithm: Algorithm) -> Key {
        do { return try Key.generate(algorithm, purpose: .access, createdAt: 0) } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The body of a PEM text, decoded.
    private static func der(_ pem: [UInt8]) throws -> [UInt8] {
        let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("-") }
        return try #require(Data(base64Encoded: lines.joined()).map { Array($0) })
    }

    /// What the keys are in binary: SubjectPublicKeyInfo, PKCS #1, PKCS #8, SEC 1, points and OpenSSH's form.
    private static func binaries() throws -> [(name: String, octets: [UInt8])] {
        var found: [(name: String, octets: [UInt8])] = []
        for key in [rsa, edwards] + curves.map(made) {
            let name = key.algorithm.rawValue
            found.append(("\(name) public", try der(key.publicText(.pem))))
            found.append(("\(name) private", try der(key.privateText(.pem))))
            if case .ec(let point) = key.publicNumbers {
                found.append(("\(name) point", [4] + point.x + point.y))
                found.append(("\(name) coordinates", point.x + point.y))
                found.append(("\(name) compressed", [2 + (point.y.last ?? 0) & 1] + point.x))
                // SEC 1: version 1, the private number.
                let number = [UInt8](repeating: 0x5A, count: point.x.count)
                let content = [0x02, 0x01, 0x01, 0x04, UInt8(number.count)] + number
                found.append(("\(name) SEC 1", [0x30, UInt8(content.count)] + content))
            }
        }
        let spki = try der(rsa.publicText(.pem))
        // Behind the algorithm and the head of the bit string.
        found.append(("RSA PKCS #1", Array(spki.dropFirst(24))))
        found.append(("RSA cut off", Array(spki.prefix(48))))
        found.append(("RSA PKCS #1 cut off", Array(spki.dropFirst(24).prefix(36))))
        func field(_ octets: [UInt8]) -> [UInt8] {
            [0, 0, UInt8(octets.count >> 8), UInt8(octets.count & 255)] + octets
        }
        if case .rsa(let numbers) = rsa.publicNumbers {
            found.append(
                ("OpenSSH", field(Array("ssh-rsa".utf8)) + field(numbers.exponent) + field([0] + numbers.modulus)))
        }
        if case .ed25519(let numbers) = edwards.publicNumbers {
            found.append(("OpenSSH Ed25519", field(Array("ssh-ed25519".utf8)) + field(numbers.octets)))
        }
        let generator = try #require(
            Data(
                base64Encoded:
                    "eb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA=="))
        found.append(("secp256k1 coordinates", Array(generator)))
        found.append(("secp256k1 point", [4] + generator))
        found += openPGPKeys().map { (name: "OpenPGP \($0.name)", octets: $0.octets) }
        found.append(("COSE", [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20] + Random.bytes(67)))
        found.append(("OpenSSH private", Array("openssh-key-v1\0".utf8) + field(Array("none".utf8)) + Random.bytes(40)))
        return found
    }

    /// Key packets as GnuPG and Sequoia write them (RFC 9580 §5.5).
    private static func openPGPKeys() -> [(name: String, octets: [UInt8])] {
        let time: [UInt8] = [0x5F, 0x01, 0x02, 0x03]
        let modulus = [0x08, 0x00, 0xC3] + Random.bytes(255)
        let rsa = modulus + [0x00, 0x11, 0x01, 0x00, 0x01]
        let ed25519Name: [UInt8] = [0x09, 0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01]
        let p256Name: [UInt8] = [0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
        return [
            ("RSA", [0x99, 0x01, 0x0D, 0x04] + time + [0x01] + rsa),
            ("RSA, version 3", [0x99, 0x01, 0x0F, 0x03] + time + [0, 0, 0x01] + rsa),
            ("RSA, new form", [0xC6, 0xC0, 0x4D, 0x04] + time + [0x01] + rsa),
            ("RSA, no length", [0x9B, 0x04] + time + [0x01] + rsa),
            ("RSA, four bytes", [0x9A, 0, 0, 0x01, 0x0D, 0x04] + time + [0x01] + rsa),
            (
                "EdDSA, version 4",
                [0xC6, 0x33, 0x04] + time + [0x16] + ed25519Name + [0x01, 0x07, 0x40] + Random.bytes(32)
            ),
            ("P-256", [0x98, 0x52, 0x04] + time + [0x13] + p256Name + [0x02, 0x03, 0x04] + Random.bytes(64)),
            ("Ed25519, version 6", [0xC6, 0x2A, 0x06] + time + [0x1B, 0, 0, 0, 0x20] + Random.bytes(32)),
            (
                "Ed25519 secret",
                [0xC5, 0x4B, 0x06] + time + [0x1B, 0, 0, 0, 0x20] + Random.bytes(32) + [0] + Random.bytes(32)
            ),
        ]
    }

    @Test func `a random secret with the first bytes of an OpenPGP packet is none`() {
        // Tag, version, time and algorithm, in every place where one of the forms has them.
        let tags: [UInt8] = [0x98, 0x99, 0x9A, 0x9B, 0x94, 0x95, 0x9C, 0xB8, 0xC5, 0xC6, 0xC7, 0xCE]
        let algorithms: [UInt8] = [1, 2, 3, 16, 17, 18, 19, 22, 25, 27]
        var refused = 0
        for _ in 0..<1_000 {
            var secret = Random.bytes(32)
            secret[0] = tags[Int(secret[20]) % tags.count]
            let start = 1 + Int(secret[21]) % 5
            secret[start] = secret[22] & 1 == 0 ? 4 : 6
            secret[start + 1] |= 0x40
            secret[start + 5] = algorithms[Int(secret[23]) % algorithms.count]
            if !SecretStrength.isAcceptable(secret) { refused += 1 }
        }
        // About four. By tag, version, time and algorithm alone it would be one in five.
        #expect(refused < 40)
    }

    @Test func `a generated secret is drawn again when a start would reject it`() throws {
        let good = Random.bytes(32)
        var draws = [[0xA5, 0x01, 0x02, 0x03] + Random.bytes(28), [UInt8](repeating: 7, count: 32), good]
        #expect(try Key.freshSecret(32) { _ in draws.removeFirst() } == good)
        #expect(throws: KeyError.weakSecret) { try Key.freshSecret(32) { [UInt8](repeating: 0, count: $0) } }
    }

    private static func spellings(_ octets: [UInt8]) -> [String] {
        let hex = octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let base64 = Base64.encode(octets)
        let lines = stride(from: 0, to: base64.count, by: 64).map { String(base64.dropFirst($0).prefix(64)) }
        return [
            hex, hex.uppercased(), base64, Base64.encodeUnpadded(octets), Base64URL.encode(octets),
            lines.joined(separator: "\n"), lines.joined(separator: "\r\n") + "\r\n",
        ]
    }

    @Test(arguments: [0x20, 0x0A, 0x0D, 0x09] as [UInt8])
    func `a key that begins or ends with white space is found behind a line end`(_ space: UInt8) {
        // Compressed points, of which any byte may be white space.
        let point = [2] + (0..<31).map { UInt8(truncatingIfNeeded: $0 * 73 + 17) } + [space]
        for secret in [point + [0x0A], point + [0x0D, 0x0A], [0x0A] + point, [0xEF, 0xBB, 0xBF] + point] {
            #expect(SecretStrength.looksLikeKey(secret))
        }
    }

    @Test func `white space, a mark of the encoding and a second encoding hide nothing`() throws {
        for (name, octets) in try Self.binaries() where octets.count < 200 {
            let base64 = Array(Base64.encode(octets).utf8)
            let wide: [UInt8] = base64.flatMap { (letter: UInt8) -> [UInt8] in [letter, 0] }
            let hidden: [[UInt8]] = [
                octets + [0x0A], [0x0A] + octets, [0xEF, 0xBB, 0xBF] + octets, octets + [0x0D, 0x0A],
                [0xEF, 0xBB, 0xBF] + base64, Array(Base64.encode(base64).utf8), wide, [0xFF, 0xFE] + wide,
                Array(Base64.encode(wide).utf8),
            ]
            for (index, secret) in hidden.enumerated() {
                #expect(SecretStrength.looksLikeKey(secret), "\(name), \(index)")
                #expect(!SecretStrength.isAcceptable(secret), "\(name), \(index)")
            }
        }
    }

    private func refusal(_ secret: [UInt8]) -> KeyError? {
        do {
            _ = try Key(importing: secret.span, algorithm: .hs256, purpose: .access, kid: nil, createdAt: 0)
            return nil
        } catch {
            return error
        }
    }

    @Test func `every form is rejected raw, in hex and in base64 of either alphabet, and in lines`() throws {
        let faults: [KeyError] = [.weakSecret, .algorithmMismatch(.hs256)]
        for (name, octets) in try Self.binaries() {
            let secrets = [octets] + Self.spellings(octets).map { Array($0.utf8) }
            for (index, secret) in secrets.enumerated() {
                #expect(refusal(secret).map(faults.contains) == true, "\(name), spelling \(index)")
                #expect(throws: KeyError.weakSecret, "\(name), spelling \(index)") {
                    try Key.judge(secret, for: .hs256)
                }
            }
        }
    }

    @Test func `a start rejects what an import rejects`() throws {
        for (name, octets) in try Self.binaries() {
            for secret in [octets, Array(Base64.encode(octets).utf8)] {
                let file = """
                    {"kty":"oct","k":"\(Base64URL.encode(secret))","alg":"HS256","kid":"a","purpose":"access","iat":1}
                    """
                #expect(throws: KeyError.weakSecret, "\(name)") { try Key(parsing: Array(file.utf8).span) }
            }
        }
    }

    @Test func `a JWK is rejected in hex and base64, too`() throws {
        let jwk = try #require(Self.rsa.publicJWK())
        for secret in Self.spellings(jwk) {
            #expect(throws: KeyError.weakSecret) { try Key.judge(Array(secret.utf8), for: .hs256) }
        }
    }

    @Test(arguments: [
        "one long line of words\nand another one with words", "tab\tseparated\twords\tof\tan\toperator\there",
        "a passphrase of many words\r\nwith the line ends of Windows\r\n",
    ])
    func `words over several lines are words`(_ text: String) {
        let utf16 = text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        for secret in [Array(text.utf8), utf16, [0xFF, 0xFE] + utf16, Array(text.utf8) + [0xE9]] {
            #expect(throws: KeyError.weakSecret) { try Key.judge(secret, for: .hs256) }
        }
        let hex = text.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(throws: KeyError.weakSecret) { try Key.judge(Array(hex.utf8), for: .hs256) }
    }

    @Test func `random octets in wrapped base64 pass`() throws {
        for _ in 0..<20 {
            let base64 = Base64.encode(Random.bytes(96))
            let wrapped = base64.prefix(76) + "\n" + base64.dropFirst(76) + "\n"
            #expect(throws: Never.self) { try Key.judge(Array(wrapped.utf8), for: .hs512) }
        }
    }
}
