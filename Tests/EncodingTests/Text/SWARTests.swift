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

    private func isPlainASCII(_ bytes: [UInt8]) -> Bool { bytes.span.isPlainASCII }

    @Test func `plain ASCII is recognized wherever another byte is`() {
        for count in 0...20 {
            let plain = [UInt8](repeating: UInt8(ascii: "a"), count: count)
            #expect(isPlainASCII(plain))
            for place in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    var bytes = plain
                    bytes[place] = byte
                    let isPlain = 0x20..<0x7f ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
                    #expect(isPlainASCII(bytes) == isPlain, "\(byte) at \(place) of \(count)")
                }
            }
        }
    }

    @Test func `numbers are written in decimal digits, after what is there`() {
        for number in [0, 7, 10, 1_234_567_890, -1, -100_000_000, Int64.max, Int64.min] {
            var bytes = Array("x".utf8)
            bytes.append(decimal: number)
            #expect(String(decoding: bytes, as: UTF8.self) == "x\(number)")
        }
    }

    /// Every group of eight digits is divided in parts; each part takes all of its values here, beside others.
    @Test func `every group of digits is written exactly`() {
        func decimal(_ number: UInt64) -> String {
            var bytes: [UInt8] = []
            bytes.append(addingCapacity: 20) { $0.append(decimal: number) }
            return String(decoding: bytes, as: UTF8.self)
        }
        for part in UInt64(0)..<10_000 {
            #expect(decimal(part) == "\(part)")
            let inBoth = part * 10_000 + 9_999 - part
            #expect(decimal(inBoth) == "\(inBoth)")
            let above = part * 100_000_000 + part
            #expect(decimal(above) == "\(above)")
        }
        var power: UInt64 = 1
        for _ in 0..<20 {
            for number in [power - 1, power, power + 1] { #expect(decimal(number) == "\(number)") }
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        #expect(decimal(.max) == "18446744073709551615")
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
