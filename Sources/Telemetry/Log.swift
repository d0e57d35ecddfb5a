package import Platform
import Synchronization

/// Writes one line per event, as JSON or as text. In both forms a value cannot start a second line.
///
/// The lines of an event loop are written together at the end of its turn, before the responses that they belong to are
/// sent. An error, and a line of any other thread, is written at once. A crash can lose the lines of one turn.
///
/// Callers must never pass tokens, passwords, secrets or header values; names, identifiers and reasons are allowed.
package final class Log: TurnOutput {
    package enum Level: Int, CaseIterable, Comparable, Sendable {
        case debug, info, warning, error

        package var name: StaticString {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Form: String, CaseIterable, Sendable {
        case json, text
    }

    private let level: Level
    private let form: Form
    private let clock: WallClock
    private let sink: Mutex<@Sendable ([UInt8]) -> Void>

    /// - Parameter sink: receives one or more whole lines, each with its newline; never called concurrently.
    package init(level: Level, form: Form, clock: WallClock, sink: @escaping @Sendable ([UInt8]) -> Void) {
        self.level = level
        self.form = form
        self.clock = clock
        self.sink = Mutex(sink)
    }

    package func isEnabled(_ level: Level) -> Bool { level >= self.level }

    package func write(_ level: Level, _ event: StaticString, _ fill: (inout LogLine) -> Void = { _ in }) {
        guard isEnabled(level) else { return }
        let isKept = Turn.current?.addLine(to: self) { lines in append(to: &lines, level, event, fill) } ?? false
        guard isKept else {
            var line: [UInt8] = []
            append(to: &line, level, event, fill)
            return write(lines: line)
        }
        if level >= .error { Turn.current?.writeLines() }
    }

    private func append(
        to lines: inout [UInt8], _ level: Level, _ event: StaticString, _ fill: (inout LogLine) -> Void
    ) {
        var line = LogLine(form: form, milliseconds: clock.now, level: level.name, event: event, after: &lines)
        fill(&line)
        line.finish(into: &lines)
    }

    package func write(lines: [UInt8]) {
        sink.withLock { write in write(lines) }
    }
}
