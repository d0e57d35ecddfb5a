import Encoding
import Foundation
import Testing

@Suite("UUID, RFC 9562")
struct UUIDTests {
    private static let text = "0190a1b2-c3d4-7eef-9012-3456789abcde"

    @Test func `reads and writes one text`() {
        let uuid = Encoding.UUID(Self.text)
        #expect(uuid == Encoding.UUID(high: 0x0190_a1b2_c3d4_7eef, low: 0x9012_3456_789a_bcde))
        #expect(uuid?.description == Self.text)
        var output = Array("id=".utf8)
        uuid?.write(to: &output)
        #expect(output == Array("id=\(Self.text)".utf8))
    }

    @Test func `agrees with another implementation`() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let uuid = Encoding.UUID(high: generator.next(), low: generator.next())
            #expect(Encoding.UUID(uuid.description) == uuid)
            #expect(Foundation.UUID(uuidString: uuid.description)?.uuidString.lowercased() == uuid.description)
        }
    }

    @Test func `refuses every other octet at every place`() {
        for place in 0..<36 {
            let isDash = [8, 13, 18, 23].contains(place)
            for octet in UInt8.min...UInt8.max {
                var text = Array(Self.text.utf8)
                text[place] = octet
                let isGood = isDash ? octet == UInt8(ascii: "-") : "0123456789abcdef".utf8.contains(octet)
                #expect((Encoding.UUID(text.span) != nil) == isGood, "\(octet) at \(place)")
            }
        }
    }

    @Test(arguments: [
        "", "0190a1b2c3d47eef90123456789abcde", "{0190a1b2-c3d4-7eef-9012-3456789abcde}",
        "0190a1b2-c3d4-7eef-9012-3456789abcd",
        "0190a1b2-c3d4-7eef-9012-3456789abcdef", "0190A1B2-C3D4-7EEF-9012-3456789ABCDE",
        "0190a1b-2c3d4-7eef-9012-3456789abcde",
    ])
    func `refuses other spellings`(_ text: String) {
        #expect(Encoding.UUID(text) == nil)
    }

    @Test func `orders by age`() {
        let (early, late) = (Encoding.UUID(high: 1, low: .max), Encoding.UUID(high: 2, low: 0))
        #expect(early < late && !(late < early))
        #expect(Encoding.UUID(high: 1, low: 1) < early)
    }

    @Test func `makes version 8 of a digest's first 16 octets`() {
        let digest = [UInt8](repeating: 0xff, count: 15) + [0x01] + [UInt8](repeating: 0xaa, count: 16)
        #expect(Encoding.UUID.version8(fromFirst16: digest.span).description == "ffffffff-ffff-8fff-bfff-ffffffffff01")
        let zeros = [UInt8](repeating: 0, count: 32)
        #expect(Encoding.UUID.version8(fromFirst16: zeros.span).description == "00000000-0000-8000-8000-000000000000")
    }
}
