import Encoding
import Testing

@Suite("JSON numbers as whole numbers")
struct JSONNumberRoundingTests {
    @Test(arguments: [
        ("0", 0, 0), ("-0.0", 0, 0), ("7", 7, 7), ("7.0", 7, 7), ("70e-1", 7, 7), ("7.25", 7, 8), ("-7.25", -8, -7),
        ("0.1", 0, 1), ("-0.1", -1, 0), ("1e-400", 0, 1), ("-1e-400", -1, 0), ("12e2", 1_200, 1_200),
        ("999999999999999.5", 999_999_999_999_999, JSONNumber.integerMax),
        ("1e15", JSONNumber.integerMax, JSONNumber.integerMax),
        ("-1e15", -JSONNumber.integerMax, -JSONNumber.integerMax),
        ("1e1000000", JSONNumber.integerMax, JSONNumber.integerMax),
        ("-9223372036854775809", -JSONNumber.integerMax, -JSONNumber.integerMax),
    ])
    func `round down and up, and stop at a thousand million million`(_ text: String, _ down: Int64, _ up: Int64) throws
    {
        let bytes = Array(text.utf8)
        let read = JSONNumber(spelled: bytes.span)
        let number = try #require(read)
        #expect(number.roundedDown == down && number.roundedUp == up)
    }
}
