import Synchronization
import Testing

@testable import martlet

/// A progress line with a clock that a test sets, and what the line has written.
private final class Screen: Sendable {
    let texts = Mutex<[String]>([])
    let nanoseconds = Mutex<Int64>(0)

    func line(isShown: Bool = true) -> ProgressLine {
        ProgressLine(
            isShown: isShown, now: { self.nanoseconds.withLock { $0 } },
            output: { text in self.texts.withLock { $0.append(text) } })
    }

    func wait(milliseconds: Int64) { nanoseconds.withLock { $0 += milliseconds * 1_000_000 } }

    /// What was written since the last call.
    func written() -> [String] {
        texts.withLock { texts in
            defer { texts = [] }
            return texts
        }
    }
}

@Suite("Progress line")
struct ProgressLineTests {
    private static let mebibyte = 1 << 20

    @Test func `the line is rewritten in place and shows bytes of the total`() {
        let screen = Screen()
        let line = screen.line()
        line.begin("reading", totalByteCount: 150 << 20)
        line.advance(by: 3 * Self.mebibyte / 2)
        #expect(screen.written() == ["\rreading: 1.5 of 150.0 MiB"])
        screen.wait(milliseconds: 200)
        line.advance(by: 98 * Self.mebibyte)
        #expect(screen.written() == ["\rreading: 99.5 of 150.0 MiB"])
    }

    @Test func `pieces of work are counted as they are`() {
        let screen = Screen()
        let line = screen.line()
        line.begin("hashing", totalCount: 1_500)
        line.advance(by: 1)
        #expect(screen.written() == ["\rhashing: 1 of 1500"])
        line.begin("reading", totalByteCount: 150 << 20)
        line.advance(by: Self.mebibyte)
        #expect(screen.written() == ["\rreading: 1.0 of 150.0 MiB"])
    }

    @Test func `there are at most five updates a second, however often it is called`() {
        let screen = Screen()
        let line = screen.line()
        line.begin("reading", totalByteCount: 1 << 30)
        for _ in 0..<1_000 {
            line.advance(by: Self.mebibyte)
            screen.wait(milliseconds: 1)
        }
        #expect(
            screen.written() == [
                "\rreading: 1.0 of 1024.0 MiB", "\rreading: 201.0 of 1024.0 MiB", "\rreading: 401.0 of 1024.0 MiB",
                "\rreading: 601.0 of 1024.0 MiB", "\rreading: 801.0 of 1024.0 MiB",
            ])
    }

    @Test func `a shorter line covers the longer one before it, and the end removes all of it`() {
        let screen = Screen()
        let line = screen.line()
        line.begin("compacting", totalByteCount: 10 << 20)
        line.advance(by: 10 * Self.mebibyte)
        line.begin("reading", totalByteCount: 1 << 20)
        line.advance(by: 0)
        line.end()
        line.end()
        #expect(
            screen.written() == [
                "\rcompacting: 10.0 of 10.0 MiB", "\rreading: 0.0 of 1.0 MiB     ",
                "\r" + String(repeating: " ", count: 23) + "\r",
            ])
    }

    @Test func `bytes that are read twice never exceed the total`() {
        let screen = Screen()
        let line = screen.line()
        line.begin("reading", totalByteCount: 1 << 20)
        line.advance(by: 5 * Self.mebibyte)
        #expect(screen.written() == ["\rreading: 1.0 of 1.0 MiB"])
    }

    @Test func `without a terminal nothing is written`() {
        let screen = Screen()
        let line = screen.line(isShown: false)
        line.begin("reading", totalByteCount: 1 << 20)
        line.advance(by: Self.mebibyte)
        line.end()
        #expect(screen.written() == [])
    }
}
