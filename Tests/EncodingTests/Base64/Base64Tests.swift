import Encoding
import Foundation
import TestForm
import Testing

@Suite("base64url, RFC 4648 §5 (A2, A3)")
struct Base64URLTests {
    struct Example: Decodable {
        let id: String
        let kind: String
        let plain: String?
        let encoded: String?
    }

    @Test func `reads and writes the examples of RFC 4648 §10`() throws {
        let examples = try JSONDecoder().decode([Example].self, from: Data(Vectors.bytes("rfc-examples/cases.json")))
            .filter { $0.kind == "base64url" }
        #expect(examples.count >= 5)
        for example in examples {
            let (plain, encoded) = (try #require(example.plain), try #require(example.encoded))
            #expect(Base64URL.encode(Array(plain.utf8)) == encoded)
            #expect(Base64URL.decode(encoded) == Array(plain.utf8))
        }
    }

    @Test func `uses the two letters that URLs allow`() {
        #expect(Base64URL.encode([0xfb, 0xff, 0xbf]) == "-_-_")
        #expect(Base64URL.decode("-_-_") == [0xfb, 0xff, 0xbf])
    }

    @Test(arguments: 0..<200)
    func `gives back octets of every length`(_ count: Int) {
        var generator = SeededGenerator(seed: UInt64(count) + 1)
        let octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var letters = Array("before".utf8)
        Base64URL.append(octets.span, to: &letters)
        var byTable = Array("before".utf8)
        Base64URL.appendByTable(octets.span, to: &byTable)
        #expect(byTable == letters)
        let text = String(decoding: letters.dropFirst(6), as: UTF8.self)
        #expect(letters.starts(with: "before".utf8))
        #expect(text.utf8.count == Base64URL.encodedByteCount(count))
        #expect(Base64URL.decode(text) == octets)
        let padded = Data(octets).base64EncodedString()
        #expect(Base64.encode(octets) == padded)
        #expect(text == padded.filter { $0 != "=" }.replacing("+", with: "-").replacing("/", with: "_"))
    }

    @Test func `refuses every octet that is no letter, wherever it stands (A2)`() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        // Long enough for every way of decoding: 32 letters at once, eight, and four.
        for place in TestForm.sample(0..<108, step: 4) {
            for octet in UInt8.min...UInt8.max {
                var letters = [UInt8](repeating: UInt8(ascii: "A"), count: 108)
                letters[place] = octet
                for decode in [Base64URL.decode(_:into:), Base64URL.decodeByTable] {
                    var output: [UInt8] = [1, 2, 3]
                    let isGood = decode(letters.span, &output)
                    #expect(isGood == alphabet.contains(octet), "\(octet) at \(place)")
                    #expect(output.count == (isGood ? 81 : 0))
                }
            }
        }
    }

    @Test func `the processor's way and the table agree at every length and alignment`() {
        var generator = SeededGenerator(seed: 13)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let good = (0..<600).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
        var goodCount = 0
        let roundCount = TestForm.pick(quick: 2_000, normal: 20_000)
        for round in 0..<roundCount {
            var letters = good
            let place = Int.random(in: letters.indices, using: &generator)
            if round % 4 == 0 { letters[place] = UInt8.random(in: 0...255, using: &generator) }
            let start = Int.random(in: 0..<64, using: &generator)
            let end = Int.random(in: start...600, using: &generator)
            var (built, tabled): ([UInt8], [UInt8]) = ([], [])
            let isGood = Base64URL.decode(letters.span.extracting(start..<end), into: &built)
            let isGoodByTable = Base64URL.decodeByTable(letters.span.extracting(start..<end), into: &tabled)
            #expect(isGoodByTable == isGood)
            #expect(built == tabled)
            goodCount += isGood ? 1 : 0
        }
        #expect((roundCount / 20..<roundCount).contains(goodCount))
    }

    @Test(arguments: [
        "A", "AAAAA", "AAAAAAAAA", "Zg==", "Zm8=", "Zg=", "=", "Zm9v ", " Zm9v", "Zm9v\n", "Zm 9v", "Zm+v", "Zm/v",
    ])
    func `refuses impossible lengths, padding, white space and the other alphabet`(_ text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func `refuses unused bits that are not zero, so that one value has one spelling (A3)`() {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        for (value, letter) in letters.enumerated() {
            for prefix in [0, 4, 8, 32, 40, 44, 64].map({ String(repeating: "A", count: $0) }) {
                #expect((Base64URL.decode("\(prefix)A\(letter)") != nil) == (value & 15 == 0))
                #expect((Base64URL.decode("\(prefix)AA\(letter)") != nil) == (value & 3 == 0))
            }
        }
    }

    @Test func `replaces what the output held and keeps its room`() {
        var output = [UInt8](repeating: 9, count: 100)
        let letters = Array("Zm9v".utf8)
        let isGood = Base64URL.decode(letters.span, into: &output)
        #expect(isGood)
        #expect(output == Array("foo".utf8))
        #expect(output.capacity >= 100)
    }
}

@Suite("base64 with and without padding, RFC 4648 §4")
struct Base64Tests {
    private func decode(_ text: String) -> [UInt8]? {
        let letters = Array(text.utf8)
        return Base64.decode(letters.span)
    }

    private func decodeUnpadded(_ text: String) -> [UInt8]? {
        let letters = Array(text.utf8)
        return Base64.decodeUnpadded(letters.span)
    }

    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
    ])
    func `reads and writes exact padding`(_ text: String, _ plain: String) {
        #expect(decode(text) == Array(plain.utf8))
        #expect(Base64.encode(Array(plain.utf8)) == text)
        let bare = text.filter { $0 != "=" }
        #expect(decodeUnpadded(bare) == Array(plain.utf8))
        #expect(Base64.encodeUnpadded(Array(plain.utf8)) == bare)
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v====", "Zm=v", "Zg==Zg==", "Zh==", "Zm9=", "Zm-v", "Zm_v",
    ])
    func `refuses missing, extra and misplaced padding, and other spellings`(_ text: String) {
        #expect(decode(text) == nil)
    }

    @Test(arguments: ["Zg==", "Zh", "Zm9", "A", "Zm-v"])
    func `without padding, refuses padding and other spellings`(_ text: String) {
        #expect(decodeUnpadded(text) == nil)
    }

    @Test func `uses the standard letters`() {
        #expect(decode("+/+/") == [0xfb, 0xff, 0xbf])
        #expect(Base64.encode([0xfb, 0xff, 0xbf]) == "+/+/")
    }
}
