import Testing

@testable import Platform

@Suite("Moments in milliseconds and in seconds")
struct UnixTimeTests {
    @Test(
        "the second of a moment is rounded down, also before 1970",
        arguments: [
            (0, 0), (999, 0), (1_000, 1), (1_999, 1), (-1, -1), (-1_000, -1), (-1_001, -2),
            (Int64.max, Int64.max / 1_000), (Int64.min, Int64.min / 1_000 - 1),
        ] as [(Int64, Int64)])
    func seconds(milliseconds: Int64, seconds: Int64) {
        #expect(UnixMilliseconds(milliseconds).seconds == UnixSeconds(seconds))
    }

    @Test("a second begins at its first millisecond, and the range ends instead of overflowing")
    func milliseconds() {
        #expect(UnixSeconds(1_700_000_000).milliseconds == 1_700_000_000_000)
        #expect(UnixSeconds(-1).milliseconds == -1_000)
        #expect(UnixSeconds(.max).milliseconds == .distantFuture)
        #expect(UnixSeconds(.min).milliseconds.count == .min)
    }

    @Test("sums and differences stop at the ends of the range")
    func saturation() {
        #expect(UnixMilliseconds(5).adding(seconds: 2) == 2_005)
        #expect(UnixMilliseconds(5).adding(milliseconds: -6) == -1)
        #expect(UnixMilliseconds.distantFuture.adding(milliseconds: 1) == .distantFuture)
        #expect(UnixMilliseconds(.min).adding(milliseconds: -1).count == .min)
        #expect(UnixMilliseconds(1).adding(seconds: .max) == .distantFuture)
        #expect(UnixSeconds.distantFuture.adding(seconds: 1) == .distantFuture)
        #expect(UnixMilliseconds(3_000).milliseconds(since: 1_000) == 2_000)
        #expect(UnixMilliseconds.distantFuture.milliseconds(since: -1) == .max)
        #expect(UnixMilliseconds(.min).milliseconds(since: 1) == .min)
        #expect(UnixSeconds(7).seconds(since: 9) == -2)
        #expect(UnixSeconds.distantFuture.seconds(since: -1) == .max)
        #expect(UnixSeconds(.min).seconds(since: 1) == .min)
    }

    @Test("products stop at the ends of the range")
    func products() {
        #expect(Int64.max.saturatingMultiply(by: 2) == .max)
        #expect(Int64.max.saturatingMultiply(by: -2) == .min)
        #expect(Int64.min.saturatingMultiply(by: -1) == .max)
        #expect(Int64(3).saturatingMultiply(by: -4) == -12)
    }

    @Test(
        "the next second never begins before the moment",
        arguments: [
            (0, 0), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (-1, 0), (-1_000, -1), (-1_001, -1),
            (Int64.max, Int64.max / 1_000),
        ] as [(Int64, Int64)])
    func nextSecond(milliseconds: Int64, seconds: Int64) {
        #expect(UnixMilliseconds(milliseconds).nextSecond == UnixSeconds(seconds))
    }

    @Test("a gauge shows the fraction of a second")
    func fraction() {
        #expect(UnixMilliseconds(1_800_000_000_250).fractionalSeconds == 1_800_000_000.25)
        #expect(UnixMilliseconds(-500).fractionalSeconds == -0.5)
    }

    @Test("moments are ordered by their number")
    func order() {
        #expect(UnixMilliseconds(-1) < .epoch && UnixMilliseconds.epoch < 1)
        #expect(UnixMilliseconds.distantPast < -1 && UnixSeconds.distantPast < -1)
        #expect(UnixMilliseconds.distantPast.adding(milliseconds: -1) == .distantPast)
        #expect(UnixSeconds.distantPast.adding(seconds: -1) == .distantPast)
        #expect(UnixSeconds(-1) < .epoch && "\(UnixSeconds(12))" == "12" && "\(UnixMilliseconds(12))" == "12")
    }
}
