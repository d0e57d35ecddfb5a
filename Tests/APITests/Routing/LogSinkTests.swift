import Encoding
import Platform
import Synchronization
import Telemetry
import Testing

@Suite("A log that nobody reads")
struct LogSinkTests {
    private final class Reader: Sendable {
        let isReading = Atomic<Bool>(true)
        let waits = Mutex<[Int32]>([])
        let lines = Lines()
    }

    private func outlet(_ reader: Reader) -> LogSink {
        LogSink(
            form: .text, clock: WallClock { 0 },
            isReady: { milliseconds in
                reader.waits.withLock { $0.append(milliseconds) }
                return reader.isReading.load(ordering: .relaxed)
            },
            write: { reader.lines.add(String(decoding: $0, as: UTF8.self)) })
    }

    @Test func `is waited for once, and told afterwards how much it missed`() {
        let reader = Reader()
        let outlet = outlet(reader)
        outlet.take(Array("one\n".utf8))
        #expect(reader.waits.withLock { $0.count } == 1)
        reader.isReading.store(false, ordering: .relaxed)
        reader.waits.withLock { $0 = [] }
        for _ in 0..<50 { outlet.take(Array("two\n".utf8)) }
        let waits = reader.waits.withLock { $0 }
        #expect(waits.filter { $0 > 0 }.count == 1 && waits.count == 50)
        reader.isReading.store(true, ordering: .relaxed)
        outlet.take(Array("three\n".utf8))
        outlet.take(Array("four\n".utf8))
        #expect(
            reader.lines.all == [
                "one\n", "1970-01-01T00:00:00.000Z warning log_lines_lost count=50\n", "three\n", "four\n",
            ])
    }

    @Test func `lines that come together are written in pieces that a pipe takes, and counted when they are lost`() {
        let reader = Reader()
        let outlet = outlet(reader)
        let lines = (0..<100).map { "line \($0) \(String(repeating: "x", count: 90))\n" }
        outlet.take(Array(lines.joined().utf8))
        #expect(reader.lines.all.joined() == lines.joined())
        #expect(reader.lines.all.allSatisfy { $0.utf8.count <= 4_096 && $0.hasSuffix("\n") && $0.hasPrefix("line ") })
        #expect(reader.lines.all.count == 3 && reader.waits.withLock { $0.count } == 3)
        // A line that is longer than a piece is written alone.
        let long = String(repeating: "y", count: 5_000) + "\n"
        outlet.take(Array(("short\n" + long + "short\n").utf8))
        #expect(reader.lines.all.suffix(3) == ["short\n", long, "short\n"])
        reader.isReading.store(false, ordering: .relaxed)
        outlet.take(Array(lines.joined().utf8))
        reader.isReading.store(true, ordering: .relaxed)
        outlet.take(Array("last\n".utf8))
        #expect(
            reader.lines.all.suffix(2) == ["1970-01-01T00:00:00.000Z warning log_lines_lost count=100\n", "last\n"])
    }
}
