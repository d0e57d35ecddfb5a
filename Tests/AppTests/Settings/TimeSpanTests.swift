@testable import App
import Testing

@Suite("Durations")
struct TimeSpanTests {
    @Test(
        arguments: [
            ("0s", 0), ("90s", 90), ("10m", 600), ("12h", 43_200), ("14d", 1_209_600),
            ("106751991167300d", 9_223_372_036_854_720_000),
        ] as [(String, Int64)])
    func `are a whole number and a unit`(_ text: String, _ seconds: Int64) {
        #expect(TimeSpan.seconds(text) == seconds)
        #expect(TimeSpan.text(seconds) == text)
    }

    @Test(arguments: [
        "", "10", "s", "-1s", "1.5h", "1 s", "10ms", "1w", "9223372036854775807d", "9223372036854775808s", "1h30m",
        "１s",
    ])
    func `are nothing else`(_ text: String) {
        #expect(TimeSpan.seconds(text) == nil)
    }

    @Test func `are written in the unit that people use for them`() {
        let texts = [60: "60s", 120: "2m", 3_600: "1h", 5_400: "90m", 86_400: "24h", 172_800: "2d", 3_601: "3601s"]
        for (seconds, text) in texts { #expect(TimeSpan.text(Int64(seconds)) == text) }
    }
}
