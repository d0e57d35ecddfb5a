import Encoding
import Platform
import Testing

@Suite("Secrets")
struct SecretTests {
    private let secret = Secret(Array("correct horse".utf8))

    @Test func `lend their octets`() {
        #expect(secret.byteCount == 13)
        #expect(secret.withBytes { span in span.indices.map { span[$0] } } == Array("correct horse".utf8))
        #expect(Secret([]).withBytes { $0.isEmpty })
    }

    @Test func `show in no text, dump or mirror`() {
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])", "\(Optional(secret) as Any)"] {
            #expect(text.contains("<secret>"))
            #expect(!text.contains("horse") && !text.contains("99"))
        }
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func `leave an array alone that somebody else holds`() {
        let kept = Array("kept".utf8)
        _ = Secret(kept)
        #expect(kept == Array("kept".utf8))
    }

    @Test func `pass errors through`() {
        struct Fault: Error {}
        #expect(throws: Fault.self) { try secret.withBytes { _ throws(Fault) in throw Fault() } }
    }
}

@Suite("Comparison in constant time (B6, I6)")
struct ConstantTimeTests {
    private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        ConstantTime.isEqual(left.span, right.span)
    }

    @Test func `sees a difference in every bit, and in the length`() {
        let octets = (0..<33).map { UInt8($0) }
        #expect(isEqual(octets, octets))
        for place in octets.indices {
            for bit in 0..<8 {
                var other = octets
                other[place] ^= 1 << UInt8(bit)
                #expect(!isEqual(octets, other))
            }
        }
        let shorter = Array(octets.dropLast())
        #expect(!isEqual(octets, shorter))
        #expect(!isEqual(shorter, octets))
        #expect(isEqual([], []))
    }
}
