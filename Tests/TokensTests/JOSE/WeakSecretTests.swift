import Encoding
import Foundation
import Keys
import OpenSSL
import TestForm
import Testing
import Tokens

@Suite("Secrets that attackers know (B5)")
struct WeakSecretTests {
    @Test(arguments: vectorNames("weak-hmac-secrets").filter { $0.hasSuffix(".json") })
    func `every listed secret is refused, and what it spells`(_ file: String) throws {
        let texts = try JSONDecoder().decode([String].self, from: vector("weak-hmac-secrets/\(file)"))
        #expect(texts.count > 1_000)
        let sample = TestForm.sample(texts, step: 20)
        var longCount = 0
        for text in sample {
            let octets = Array(text.utf8)
            #expect(Self.isRefused(octets), "\(text)")
            #expect(Self.isRefused(octets + [0x0A]), "\(text) with a line end")
            guard octets.count >= 32 else { continue }
            longCount += 1
            let (front, back) = [("", "1"), ("", "2026"), ("x-", ""), ("", "-prod")][longCount % 4]
            #expect(Self.isRefused(Array(front.utf8) + octets + back.utf8), "\(front)\(text)\(back)")
            for spelled in [Base64URL.decode(text), Base64.decode(octets.span)].compactMap({ $0 })
            where spelled.count >= 32 {
                #expect(Self.isRefused(spelled), "\(text) decoded")
                let hex = spelled.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                #expect(Self.isRefused(Array(hex.uppercased().utf8)), "\(text) in upper-case hex")
                #expect(Self.isRefused(Array(Base64URL.encode(spelled).utf8)), "\(text) in base64url")
            }
        }
        #expect(longCount * 10 > sample.count)
    }

    @Test(arguments: [
        "7b7a4d5e-3a64-4a4e-9f36-5f2f3c1d8e90", "this is the secret of our production server, keep it safe!",
        "Anothercompanysecretkeythatisverylongandsafe123456", "9f86d081884c7d659a2feaa0c55ad015",
        "kJ8#mP2$vX9@qL5!wN7&bR4*tY6^hF3%gD1(zC0)", "N3wP4ssw0rdN3wP4ssw0rdN3wP4ssw0rd",
        "dGhpcyBpcyBvdXIgc2VjcmV0LCBkbyBub3QgdGVsbCBhbnlib2R5IGVsc2U",
    ])
    func `other words, UUIDs and passwords are refused too`(_ text: String) {
        #expect(Self.isRefused(Array(text.utf8)))
    }

    @Test func `patterns are refused, as they are, in hex and in base64`() {
        let rising = (0..<32).map { UInt8($0) }
        let half = Random.bytes(16)
        let patterns: [[UInt8]] = [
            rising, rising.reversed(), rising.map { $0 &* 7 &+ 3 }, half + half, half + half.map { $0 &+ 1 },
            Random.bytes(8) + rising, rising + [0x9C, 0x11, 0xE4], half + half + [0x80],
        ]
        for (index, pattern) in patterns.enumerated() {
            let hex = pattern.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            #expect(Self.isRefused(pattern), "\(index)")
            for text in [hex, hex.uppercased(), Base64.encode(pattern), Base64URL.encode(pattern)] {
                #expect(Self.isRefused(Array(text.utf8)), "\(index): \(text)")
            }
        }
        #expect(Self.isRefused(Array(String(repeating: "0123456789abcdef", count: 4).utf8)))
    }

    @Test func `words in UTF-16 or Latin-1 are words in base64 and hex, too`() {
        let words = "our production secret, keep it safe"
        let wide: [UInt8] = words.utf8.flatMap { (letter: UInt8) -> [UInt8] in [letter, 0] }
        let latin = Array(words.utf8) + [0xE9, 0xFC]
        let texts: [[UInt8]] = [wide, [0xFF, 0xFE] + wide, [0] + wide.dropLast(), latin]
        for octets in texts {
            let hex = octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            #expect(Self.isRefused(Array(hex.utf8)))
            #expect(Self.isRefused(Array(Base64.encode(octets).utf8)))
        }
    }

    @Test func `hex that lacks some digits is nobody's mistake, decimal digits are`() {
        let eleven = "0123456789a"
        let ten = "0123456789"
        func text(_ digits: String) -> [UInt8] {
            let letters = Array(digits.utf8)
            // Numerical Recipes' generator: the same digits each time, without a pattern.
            var state: UInt32 = 1
            return (0..<64).map { _ in
                state = state &* 1_664_525 &+ 1_013_904_223
                return letters[Int(state >> 16) % letters.count]
            }
        }
        #expect(Set(text(eleven)).count == 11 && Set(text(ten)).count == 10)
        for lineEnd in ["", "\n", "\r\n"] {
            #expect(!Self.isRefused(text(eleven) + lineEnd.utf8))
            #expect(Self.isRefused(text(ten) + lineEnd.utf8))
        }
    }

    @Test func `what a random generator makes passes, as it is, in hex and in base64`() {
        // Whatever the first octet, a brace among them.
        for first in UInt8.min...UInt8.max { #expect(!Self.isRefused([first] + Random.bytes(31))) }
        for byteCount in [32, 48, 64] {
            for _ in 0..<TestForm.pick(quick: 20, normal: 200) {
                let random = Random.bytes(byteCount)
                let hex = random.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
                #expect(!Self.isRefused(random))
                #expect(!Self.isRefused(Array(hex.utf8)))
                #expect(!Self.isRefused(Array(hex.uppercased().utf8)))
            }
        }
        // One in 30,000 spellings of a random secret looks like words; of a thousand at most, ten would be a mistake.
        let refused = (0..<TestForm.pick(quick: 100, normal: 1_000)).count { _ in
            let random = Random.bytes(32)
            return Self.isRefused(Array(Base64URL.encode(random).utf8))
                || Self.isRefused(Array(Base64.encode(random).utf8))
        }
        #expect(refused < 10)
    }

    private static func isRefused(_ secret: [UInt8]) -> Bool {
        do {
            _ = try Key(importing: secret, .hs256)
            return false
        } catch {
            return true
        }
    }
}
