import Encoding
import Testing

@Suite("Octets as numbers")
struct SWARTests {
    private func tenDigits(_ octets: [UInt8], at offset: Int = 0) -> Int64? { octets.span.tenDigits(at: offset) }

    @Test(arguments: ["0000000000", "9999999999", "1234567890", "0000000001", "1000000000", "1800000600", "0100000000"])
    func `ten digits are read as the number they write`(_ text: String) {
        #expect(tenDigits(Array(text.utf8)) == Int64(text))
        #expect(tenDigits(Array("x\(text)x".utf8), at: 1) == Int64(text))
    }

    @Test func `an octet that is no digit is refused, wherever it stands`() {
        for place in 0..<10 {
            for octet in UInt8.min...UInt8.max {
                var octets = Array("1234567890".utf8)
                octets[place] = octet
                let digits = octets.map { Int64($0) - 48 }
                let isNumber = digits.allSatisfy { (0...9).contains($0) }
                let number = isNumber ? digits.reduce(0) { $0 * 10 + $1 } : nil
                #expect(tenDigits(octets) == number, "\(octet) at \(place)")
            }
        }
    }

    @Test func `a word is eight octets, the first one lowest`() {
        let octets: [UInt8] = [9, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(octets.span.word(at: 1) == 0x0807_0605_0403_0201)
    }

    @Test func `octets are replaced in their place and nowhere else`() {
        var octets: [UInt8] = [1, 2, 3, 4, 5]
        let part: [UInt8] = [8, 9]
        octets.replace(from: 3, with: part.span)
        #expect(octets == [1, 2, 3, 8, 9])
        let nothing: [UInt8] = []
        octets.replace(from: 5, with: nothing.span)
        octets.replace(from: 0, with: part.span)
        #expect(octets == [8, 9, 3, 8, 9])
    }
}
