import Encoding
import Platform
import Testing

@Suite("JSON numbers as moments")
struct JSONNumberMomentsTests {
    @Test(
        arguments: [
            ("0", 0, 0, 0), ("1800000000", 1_800_000_000, 1_800_000_000_000, 1_800_000_000_000),
            ("1800000000.0001", 1_800_000_000, 1_800_000_000_000, 1_800_000_000_001),
            ("1800000000.9999", 1_800_000_000, 1_800_000_000_999, 1_800_000_001_000),
            ("1.8e9", 1_800_000_000, 1_800_000_000_000, 1_800_000_000_000), ("-0.5", -1, -500, -500),
            ("-0.0005", -1, -1, 0), ("1e1000", 1_000_000_000_000_000, 1_000_000_000_000_000, 1_000_000_000_000_000),
        ] as [(String, UnixSeconds, UnixMilliseconds, UnixMilliseconds)])
    func `are seconds, whole or as milliseconds`(
        _ text: String, _ seconds: UnixSeconds, _ down: UnixMilliseconds, _ up: UnixMilliseconds
    ) throws {
        let bytes = Array(text.utf8)
        let read = JSONNumber(spelled: bytes.span)
        let number = try #require(read)
        #expect(number.secondsRoundedDown == seconds)
        #expect(number.millisecondsRoundedDown == down && number.millisecondsRoundedUp == up)
    }
}
