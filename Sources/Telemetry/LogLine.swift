package import Encoding
import Platform

/// The line of one event while its fields are added.
package struct LogLine {
    private let form: Log.Form
    private var json: JSONWriter
    private var text: [UInt8]

    /// - Parameter lines: moved to the line, which follows them, until ``finish(into:)``.
    init(
        form: Log.Form, milliseconds: UnixMilliseconds, level: StaticString, event: StaticString,
        after lines: inout [UInt8]
    ) {
        self.form = form
        text = []
        swap(&text, &lines)
        if text.capacity == 0 { text.reserveCapacity(512) }
        switch form {
        case .json:
            var before: [UInt8] = []
            swap(&before, &text)
            json = JSONWriter(after: before)
            before = []
            json.beginObject()
            json.name("time")
            json.plainString { ISO8601.write(milliseconds: milliseconds, to: &$0) }
            level.withUTF8Buffer { json.plainMember("level", unsafe $0.span) }
            event.withUTF8Buffer { json.plainMember("event", unsafe $0.span) }
        case .text:
            json = JSONWriter(after: [])
            ISO8601.write(milliseconds: milliseconds, to: &text)
            text.append(UInt8(ascii: " "))
            text.append(level)
            text.append(UInt8(ascii: " "))
            text.append(event)
        }
    }

    package mutating func add(_ name: StaticString, _ value: String) {
        switch form {
        case .json:
            json.name(name)
            json.string(value)
        case .text:
            addName(name)
            var quoted = JSONWriter()
            quoted.string(value)
            text += quoted.bytes
        }
    }

    package mutating func add(_ name: StaticString, _ value: StaticString) {
        switch form {
        case .json: value.withUTF8Buffer { json.plainMember(name, unsafe $0.span) }
        case .text: addPlain(name) { $0.append(value) }
        }
    }

    package mutating func add(_ name: StaticString, _ id: UUID) {
        switch form {
        case .json: json.plainMember(name, id.text.span)
        case .text: addPlain(name) { id.write(to: &$0) }
        }
    }

    /// Adds a string whose characters `write` appends; none of them may need an escape.
    package mutating func addPlain(_ name: StaticString, _ write: (inout [UInt8]) -> Void) {
        switch form {
        case .json:
            json.name(name)
            json.plainString(write)
        case .text:
            addName(name)
            text.append(UInt8(ascii: "\""))
            write(&text)
            text.append(UInt8(ascii: "\""))
        }
    }

    package mutating func add(_ name: StaticString, _ value: Int64) {
        switch form {
        case .json:
            json.name(name)
            json.integer(value)
        case .text:
            addName(name)
            text.append(decimal: value)
        }
    }

    package mutating func add(_ name: StaticString, _ value: UInt64) { add(name, Int64(clamping: value)) }

    package mutating func add(_ name: StaticString, _ value: some BinaryInteger) {
        add(name, Int64(clamping: value))
    }

    private mutating func addName(_ name: StaticString) {
        text.append(UInt8(ascii: " "))
        text.append(name)
        text.append(UInt8(ascii: "="))
    }

    /// Ends the line, and returns the lines before it with it.
    mutating func finish(into lines: inout [UInt8]) {
        switch form {
        case .json:
            json.endObject()
            lines = json.finishedLine()
        case .text:
            text.append(UInt8(ascii: "\n"))
            swap(&text, &lines)
        }
    }
}
