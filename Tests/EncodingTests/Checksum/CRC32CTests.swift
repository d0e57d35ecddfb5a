import Encoding
import Testing

@Suite("CRC-32C, RFC 3720 §12.1")
struct CRC32CTests {
    private func checksum(_ octets: [UInt8], seed: UInt32 = 0) -> UInt32 {
        CRC32C.checksum(octets.span, seed: seed)
    }

    @Test func `gives the known answers`() {
        #expect(checksum(Array("123456789".utf8)) == 0xe306_9283)
        #expect(checksum([]) == 0)
        // RFC 3720 §B.4.
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(checksum(Array(0..<32)) == 0x46dd_794e)
        #expect(checksum(Array((0..<32).reversed())) == 0x113f_db5c)
    }

    @Test func `agrees with one bit at a time for every length`() {
        var generator = SeededGenerator(seed: 11)
        for count in 0..<70 {
            let octets = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let seed = UInt32(truncatingIfNeeded: generator.next())
            var register = ~seed
            for octet in octets {
                register ^= UInt32(octet)
                for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x82f6_3b78 : register >> 1 }
            }
            #expect(checksum(octets, seed: seed) == ~register)
            #expect(CRC32C.seed(of: ~register, over: octets.span) == seed)
            #expect(CRC32C.byTable(octets.span, seed: seed) == ~register)
        }
    }

    @Test func `goes on from what came before`() {
        let octets = Array("123456789".utf8)
        for cut in 0...9 {
            #expect(checksum(Array(octets[cut...]), seed: checksum(Array(octets[..<cut]))) == 0xe306_9283)
        }
    }

    @Test func `the processor's instruction and the table agree at every alignment`() {
        var generator = SeededGenerator(seed: 12)
        let octets = (0..<5_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for _ in 0..<2_000 {
            let start = Int.random(in: 0..<64, using: &generator)
            let part = octets.span.extracting(start..<Int.random(in: start...5_000, using: &generator))
            let seed = UInt32(truncatingIfNeeded: generator.next())
            #expect(CRC32C.checksum(part, seed: seed) == CRC32C.byTable(part, seed: seed))
        }
    }

    @Test func `another seed gives another checksum`() {
        #expect(checksum([1, 2, 3], seed: 1) != checksum([1, 2, 3], seed: 2))
    }
}
