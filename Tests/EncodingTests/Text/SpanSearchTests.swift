import Encoding
import Testing

@Suite("Searches in bytes")
struct SpanSearchTests {
    /// Deterministic bytes, many of them near the bounds of what is searched for.
    private static func samples() -> [[UInt8]] {
        let bytes: [UInt8] = [0, 0x1f, 0x20, 0x3a, 0x3b, 0x3c, 0x7e, 0x7f, 0x80, 0xbb, 0xff]
        return (0..<110).flatMap { count in
            (0..<12).map { seed in (0..<count).map { bytes[($0 * 7 + seed * ($0 + 3)) % bytes.count] } }
        }
    }

    private func firstIndex(_ bytes: [UInt8], from start: Int) -> Int { bytes.span.firstIndex(of: 0x3b, from: start) }

    private func isCookieValue(_ bytes: [UInt8]) -> Bool { bytes.span.isCookieValue }

    private func isPrintable(_ bytes: [UInt8]) -> Bool { bytes.span.isPrintable }

    @Test func `the first index is that of a plain search`() {
        for sample in Self.samples() {
            for start in 0...sample.count {
                let expected = sample[start...].firstIndex(of: 0x3b) ?? sample.count
                #expect(firstIndex(sample, from: start) == expected)
            }
        }
    }

    @Test func `a byte that is not printable is found in every place`() {
        for count in [0, 1, 7, 8, 9, 31, 32, 40, 63, 64, 65, 105] {
            let text = [UInt8](repeating: 0x7e, count: count)
            #expect(isPrintable(text))
            for index in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    var changed = text
                    changed[index] = byte
                    #expect(isPrintable(changed) == (0x20...0x7e).contains(byte))
                }
            }
        }
    }

    @Test func `a byte that no cookie may have is found in every place`() {
        let excluded = Set("\",;\\".utf8)
        for count in [0, 1, 7, 8, 9, 31, 32, 40, 63, 64, 65, 105] {
            let text = [UInt8](repeating: 0x21, count: count)
            #expect(isCookieValue(text))
            for index in 0..<count {
                for byte in UInt8.min...UInt8.max {
                    var changed = text
                    changed[index] = byte
                    let isAllowed = (0x21...0x7e).contains(byte) && !excluded.contains(byte)
                    #expect(isCookieValue(changed) == isAllowed, "\(byte) at \(index) of \(count)")
                }
            }
        }
    }
}
