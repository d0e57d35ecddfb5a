import Encoding
import Platform
import Synchronization
import Testing

@Suite("UUIDv7, RFC 9562 §5.7 and §6.2")
struct UUIDv7GeneratorTests {
    /// A clock that tests move, and a count of how often it was read.
    final class TestClock: Sendable {
        let now: Mutex<UnixMilliseconds>

        init(_ now: UnixMilliseconds) { self.now = Mutex(now) }

        var wall: WallClock { WallClock { self.now.withLock { $0 } } }

        func set(_ milliseconds: UnixMilliseconds) { now.withLock { $0 = milliseconds } }
    }

    @Test func `holds the time, the version and the variant`() {
        let generator = UUIDv7Generator(clock: TestClock(0x0190_a1b2_c3d4).wall, random: { .max })
        let uuid = generator.next()
        #expect(uuid.description.hasPrefix("0190a1b2-c3d4-7"))
        #expect(uuid.low >> 62 == 0b10)
        #expect(uuid.milliseconds == 0x0190_a1b2_c3d4)
        let zeros = UUIDv7Generator(clock: TestClock(5).wall, random: { 0 }).next()
        #expect(zeros.low == 1 << 63)
        #expect(zeros.high == Encoding.UUID.version7High(milliseconds: 5))
    }

    @Test func `starts the counter in its lower half`() {
        for random in [0, 0x7ff, 0x800, UInt64.max] {
            let uuid = UUIDv7Generator(clock: TestClock(5).wall, random: { random }).next()
            #expect(uuid.high & 0xfff < 0x800)
        }
    }

    @Test func `increases while the clock stands, beyond the counter's end`() {
        let generator = UUIDv7Generator(clock: TestClock(1_000).wall, random: { 0x7ff })
        var last = generator.next().high
        for _ in 0..<10_000 {
            let next = generator.next()
            #expect(next.high > last)
            #expect(next.high >> 12 & 0xf == 7)
            last = next.high
        }
        #expect(last >> 16 > 1_000)
    }

    @Test func `increases while the clock goes backwards, and takes up time when it is ahead again`() {
        let clock = TestClock(10_000)
        let generator = UUIDv7Generator(clock: clock.wall, random: { 0 })
        let first = generator.next()
        clock.set(9_000)
        let second = generator.next()
        clock.set(-5)
        let third = generator.next()
        clock.set(10_001)
        let fourth = generator.next()
        #expect(first.high < second.high && second.high < third.high && third.high < fourth.high)
        #expect(third.milliseconds == 10_000)
        #expect(fourth.milliseconds == 10_001)
    }

    @Test func `draws one random number a millisecond for the upper halves, and one for each lower half`() {
        let clock = TestClock(1_000)
        let count = Mutex(0)
        let generator = UUIDv7Generator(
            clock: clock.wall,
            random: {
                count.withLock { $0 += 1 }
                return 0x123
            })
        let highs = (0..<3).map { _ in generator.nextHigh() }
        #expect(highs == [0x3e8_7123, 0x3e8_7124, 0x3e8_7125])
        #expect(count.withLock { $0 } == 1)
        clock.set(1_001)
        #expect(generator.nextHigh() == 0x3e9_7123)
        #expect(count.withLock { $0 } == 2)
        #expect(generator.next().high == 0x3e9_7124)
        #expect(count.withLock { $0 } == 3)
    }

    @Test func `stays above its floor, and above one that is raised`() {
        let clock = TestClock(1_000)
        let floor = Encoding.UUID.version7High(milliseconds: 5_000) | 0xfff
        let generator = UUIDv7Generator(clock: clock.wall, random: { 0 }, above: floor)
        let first = generator.next()
        #expect(first.high > floor)
        generator.raise(above: Encoding.UUID.version7High(milliseconds: 2_000))
        #expect(generator.next().high > first.high)
        let high = Encoding.UUID.version7High(milliseconds: 9_000) | 5
        generator.raise(above: high)
        #expect(generator.next().high > high)
    }

    @Test func `a first half that a file made up does not trap`() {
        let generator = UUIDv7Generator(clock: TestClock(.distantFuture).wall, random: { .max }, above: .max)
        generator.raise(above: .max)
        _ = (generator.next(), generator.next())
        _ = UUIDv7Generator(clock: TestClock(.distantPast).wall, random: { 0 }).next()
    }

    @Test func `never gives two threads the same`() async {
        let generator = UUIDv7Generator(clock: TestClock(1_000).wall, random: { 0 })
        let highs = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<4 { group.addTask { (0..<2_000).map { _ in generator.next().high } } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(highs).count == 8_000)
    }

    @Test(arguments: [(0, 0x7000), (1, 0x1_7000), (-1, 0x7000)] as [(UnixMilliseconds, UInt64)])
    func `gives the smallest first half of a millisecond`(_ milliseconds: UnixMilliseconds, _ high: UInt64) {
        #expect(Encoding.UUID.version7High(milliseconds: milliseconds) == high)
    }
}
