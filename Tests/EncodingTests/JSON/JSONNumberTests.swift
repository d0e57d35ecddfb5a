import Encoding
import Testing

@Suite("Whole numbers in JSON (E3)")
struct JSONNumberTests {
    private func integer(_ text: String) throws -> Int64? {
        let bytes = Array(text.utf8)
        var document = JSONDocument()
        try document.parse(bytes)
        #expect(document.kind(0) == .number)
        return document.integer(0, in: bytes)
    }

    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("1", 1), ("-5", -5), ("1.0", 1), ("1e3", 1_000), ("1E+3", 1_000), ("120e-1", 12),
            ("1.50e1", 15),
            ("0.0", 0), ("0e999999999999999999999", 0), ("-0.000e-99999999999", 0), ("0.001e3", 1),
            ("10000000000000000000e-1", 1_000_000_000_000_000_000),
            ("9223372036854775807", .max), ("-9223372036854775808", .min), ("9.223372036854775807e18", .max),
            ("-9223372036854775808.000", .min), ("922337203685477580700000e-5", .max),
            ("1000000000000000000000000e-24", 1),
            ("1795230600", 1_795_230_600), ("0.1e1", 1), ("1234567890123456789", 1_234_567_890_123_456_789),
        ] as [(String, Int64)])
    func `are read exactly in every spelling`(_ text: String, _ value: Int64) throws {
        #expect(try integer(text) == value)
    }

    @Test(arguments: [
        "1.5", "1e-1", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999",
        "1e999", "-1e999", "1e99999999999999999999", "1e-99999999999999999999", "9.223372036854775808e18", "1e19",
        "0.5",
        "123456789012345678901234567890", "1.0000000000000000000000000001", "1e18446744073709551616", "5e-324", "-0.1",
        "9007199254740993.5",
    ])
    func `are nil if they are not whole or not in range, and never trap`(_ text: String) throws {
        #expect(try integer(text) == nil)
    }

    @Test func `are nil for a thousand digits, and for long zeros right`() throws {
        #expect(try integer(String(repeating: "9", count: 60_000)) == nil)
        #expect(try integer("1." + String(repeating: "0", count: 60_000)) == 1)
        #expect(try integer("0." + String(repeating: "0", count: 30_000) + "1e30001") == 1)
        #expect(try integer("1" + String(repeating: "0", count: 30_000) + "e-30000") == 1)
    }

    @Test(arguments: ["\"1\"", "true", "null", "[1]", "{\"a\":1}"])
    func `are nil for what is no number`(_ text: String) throws {
        let bytes = Array(text.utf8)
        var document = JSONDocument()
        try document.parse(bytes)
        #expect(document.integer(0, in: bytes) == nil)
    }

    @Test func `agree with the standard library on plain spellings`() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2_000 {
            let value = Int64(bitPattern: generator.next()) >> Int64.random(in: 0..<64, using: &generator)
            #expect(try integer("\(value)") == value)
        }
    }
}
