import Encoding
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
        var line = LogLine(form: form, milliseconds: clock.now, level: level.name, event: event)
        fill(&line)
        let bytes = line.finished()
        guard let turn = Turn.current, turn.add(bytes, to: self) else { return write(lines: bytes) }
        if level >= .error { turn.writeLines() }
    }

    package func write(lines: [UInt8]) {
        sink.withLock { write in write(lines) }
    }
}

/// The line of one event while its fields are added.
package struct LogLine {
    private let form: Log.Form
    private var json = JSONWriter()
    private var text: [UInt8] = []

    init(form: Log.Form, milliseconds: UnixMilliseconds, level: StaticString, event: StaticString) {
        self.form = form
        var time: [UInt8] = []
        ISO8601.write(milliseconds: milliseconds, to: &time)
        switch form {
        case .json:
            json.beginObject()
            json.name("time")
            json.string(utf8: time)
            json.name("level")
            json.string(level)
            json.name("event")
            json.string(event)
        case .text:
            text += time
            text += Array(" \(level) \(event)".utf8)
        }
    }

    package mutating func add(_ name: StaticString, _ value: String) {
        switch form {
        case .json:
            json.name(name)
            json.string(value)
        case .text:
            var quoted = JSONWriter()
            quoted.string(value)
            addText(name, quoted.bytes)
        }
    }

    package mutating func add(_ name: StaticString, _ value: Int64) {
        switch form {
        case .json:
            json.name(name)
            json.integer(value)
        case .text:
            addText(name, Array(String(value).utf8))
        }
    }

    package mutating func add(_ name: StaticString, _ value: some BinaryInteger) {
        add(name, Int64(clamping: value))
    }

    private mutating func addText(_ name: StaticString, _ value: [UInt8]) {
        text += Array(" \(name)=".utf8)
        text += value
    }

    consuming func finished() -> [UInt8] {
        switch form {
        case .json:
            json.endObject()
            return json.finishedLine()
        case .text:
            return text + [UInt8(ascii: "\n")]
        }
    }
}
