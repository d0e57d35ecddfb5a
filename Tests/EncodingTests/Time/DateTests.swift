import Encoding
import Foundation
import Platform
import Testing

@Suite("Dates")
struct DateTests {
    private func http(_ seconds: UnixSeconds) -> String {
        var output: [UInt8] = []
        HTTPDate.write(secondsSince1970: seconds, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func iso(_ milliseconds: UnixMilliseconds) -> String {
        var output: [UInt8] = []
        ISO8601.write(milliseconds: milliseconds, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (.distantPast, "Thu, 01 Jan 1970 00:00:00 GMT"), (.distantFuture, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] as [(UnixSeconds, String)])
    func `HTTP dates are IMF-fixdate (RFC 9110 §5.6.7)`(_ seconds: UnixSeconds, _ text: String) {
        #expect(http(seconds) == text)
    }

    @Test(
        arguments: [
            (1_795_230_000_123, "2026-11-21T03:00:00.123Z"), (0, "1970-01-01T00:00:00.000Z"),
            (999, "1970-01-01T00:00:00.999Z"),
            (-5, "1970-01-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(UnixMilliseconds, String)])
    func `log dates have milliseconds`(_ milliseconds: UnixMilliseconds, _ text: String) {
        #expect(iso(milliseconds) == text)
    }

    @Test(arguments: [UnixMilliseconds.distantPast, .distantFuture])
    func `the end of time does not trap`(_ milliseconds: UnixMilliseconds) {
        #expect(iso(milliseconds).utf8.count == 24)
    }

    @Test func `every day of four centuries agrees with another calendar`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for day in stride(from: Int64(0), to: 146_097, by: 13) {
            let date = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
            let text = iso(UnixSeconds(day * 86_400).milliseconds).prefix(10).split(separator: "-").map { Int($0) }
            #expect(text == [date.year, date.month, date.day])
        }
    }
}
