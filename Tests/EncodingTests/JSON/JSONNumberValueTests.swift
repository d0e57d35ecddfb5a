import Encoding
import Testing

@Suite("JSON numbers as values")
struct JSONNumberValueTests {
    private func number(_ text: String) -> JSONNumber? {
        let octets = Array(text.utf8)
        var document = JSONDocument()
        guard (try? document.parse(octets.span)) != nil else { return nil }
        return document.number(0, in: octets.span)
    }

    @Test(arguments: [
        ("1", "1.0"), ("1", "1e0"), ("1", "10e-1"), ("100", "1e2"), ("100", "1E+2"), ("0", "-0"), ("0", "0.000e9"),
        ("-1.50", "-15e-1"),
        ("123456789012345678901234567890", "1.2345678901234567890123456789e29"), ("1e1000", "10e999"),
        ("0.1", "1e-1"),
    ])
    func `different spellings of one value are equal`(_ left: String, _ right: String) throws {
        #expect(try #require(number(left)) == #require(number(right)))
    }

    @Test(arguments: [
        ("1", "-1"), ("1", "10"), ("1", "1.0000000000000000000001"), ("9007199254740993", "9007199254740992"),
        ("1e999", "1e1000"),
        ("0", "1e-1000"),
    ])
    func `different values differ, however close they are`(_ left: String, _ right: String) throws {
        #expect(try #require(number(left)) != #require(number(right)))
    }

    @Test(arguments: ["\"1\"", "true", "[1]", "1e9999999", "1e-99999999999999999999", "x"])
    func `what is no number, or none that anybody means, has no value`(_ text: String) {
        #expect(number(text) == nil)
    }
}
