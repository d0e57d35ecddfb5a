/// Writes JSON in the order of the calls and adds commas, escapes and indentation.
///
/// The caller must make the calls in a valid order: a name before each member, an end for every beginning.
package struct JSONWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    private let isPretty: Bool
    private var depth = 0
    private var needsComma = false
    private var isAfterName = false

    /// Continues after `bytes`, which are moved to the writer: the value follows them, and no comma.
    package init(after bytes: consuming [UInt8]) {
        isPretty = false
        self.bytes = bytes
    }

    /// - Parameters:
    ///   - isPretty: whether to put each member and element on its own line, indented by two spaces, for files that
    ///     operators read.
    ///   - capacity: the expected number of bytes.
    package init(isPretty: Bool = false, capacity: Int = 0) {
        self.isPretty = isPretty
        // One allocation instead of the six that growing to the size of a token's payload takes.
        bytes.reserveCapacity(max(512, capacity))
    }

    /// Returns the bytes, moved out of the writer, not copied.
    package mutating func finished() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &self.bytes)
        return bytes
    }

    /// Returns the bytes with a line end, moved out of the writer, not copied.
    package mutating func finishedLine() -> [UInt8] {
        var line: [UInt8] = []
        swap(&line, &bytes)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Removes what was written and keeps the capacity.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        (depth, needsComma, isAfterName) = (0, false, false)
    }

    package mutating func beginObject() { begin(UInt8(ascii: "{")) }
    package mutating func endObject() { end(UInt8(ascii: "}")) }
    package mutating func beginArray() { begin(UInt8(ascii: "[")) }
    package mutating func endArray() { end(UInt8(ascii: "]")) }

    /// Writes a name that needs no escapes, as every name in the source.
    package mutating func name(_ name: StaticString) {
        name.withUTF8Buffer { letters in
            let letters = unsafe letters.span
            assert(Self.endOfPlain(letters, from: 0) == letters.count, "this name needs escapes: \(name)")
            beginValue()
            bytes.append(addingCapacity: letters.count &+ 3) { output in
                output.append(UInt8(ascii: "\""))
                output.append(letters)
                output.append(UInt8(ascii: "\""))
                output.append(UInt8(ascii: ":"))
            }
            if isPretty { bytes.append(UInt8(ascii: " ")) }
            isAfterName = true
        }
    }

    package mutating func name(_ name: String) {
        write(name: name.utf8.span)
    }

    package mutating func string(_ text: StaticString) {
        text.withUTF8Buffer { letters in
            let letters = unsafe letters.span
            string(utf8: letters)
        }
    }

    package mutating func string(_ text: String) {
        string(utf8: text.utf8.span)
    }

    /// Writes a string; bytes that are not valid UTF-8 become U+FFFD.
    package mutating func string(utf8 content: Span<UInt8>) {
        beginValue()
        writeQuoted(content)
        needsComma = true
    }

    package mutating func string(utf8 content: some Sequence<UInt8>) {
        let content = Array(content)
        string(utf8: content.span)
    }

    /// Writes a string whose characters `write` appends; none of them may need an escape.
    package mutating func plainString(_ write: (inout [UInt8]) -> Void) {
        beginValue()
        bytes.append(UInt8(ascii: "\""))
        write(&bytes)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes a member whose name and value need no escapes, at once.
    package mutating func plainMember(_ name: StaticString, _ value: Span<UInt8>) {
        beginValue()
        let isPretty = isPretty
        bytes.append(addingCapacity: name.utf8CodeUnitCount &+ value.count &+ 6) { output in
            output.append(UInt8(ascii: "\""))
            output.append(name)
            output.append(UInt8(ascii: "\""))
            output.append(UInt8(ascii: ":"))
            if isPretty { output.append(UInt8(ascii: " ")) }
            output.append(UInt8(ascii: "\""))
            output.append(value)
            output.append(UInt8(ascii: "\""))
        }
        needsComma = true
    }

    /// Returns whether a string can be written as it is, between quotation marks.
    package static func needsNoEscape(_ content: Span<UInt8>) -> Bool {
        endOfPlain(content, from: 0) == content.count
    }

    package mutating func integer(_ value: Int64) {
        beginValue()
        bytes.append(decimal: value)
        needsComma = true
    }

    package mutating func bool(_ value: Bool) {
        raw(value ? Self.trueText : Self.falseText)
    }

    package mutating func null() {
        raw(Self.nullText)
    }

    /// Writes a value that is already encoded as JSON.
    package mutating func raw(_ json: [UInt8]) {
        raw(json.span)
    }

    package mutating func raw(_ json: Span<UInt8>) {
        beginValue()
        bytes.append(json)
        needsComma = true
    }

    private static let trueText = Array("true".utf8)
    private static let falseText = Array("false".utf8)
    private static let nullText = Array("null".utf8)

    private mutating func begin(_ bracket: UInt8) {
        beginValue()
        bytes.append(bracket)
        depth &+= 1
        needsComma = false
    }

    private mutating func end(_ bracket: UInt8) {
        depth &-= 1
        if needsComma { beginLine() }
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func write(name: Span<UInt8>) {
        beginValue()
        writeQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        if isPretty { bytes.append(UInt8(ascii: " ")) }
        isAfterName = true
    }

    private mutating func beginValue() {
        if isAfterName {
            isAfterName = false
            return
        }
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 { beginLine() }
    }

    private mutating func beginLine() {
        guard isPretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<max(0, depth) {
            bytes.append(0x20)
            bytes.append(0x20)
        }
    }

    private mutating func writeQuoted(_ content: Span<UInt8>) {
        if Self.endOfPlain(content, from: 0) == content.count {
            return bytes.append(addingCapacity: content.count &+ 2) { output in
                output.append(UInt8(ascii: "\""))
                output.append(content)
                output.append(UInt8(ascii: "\""))
            }
        }
        writeEscaping(content)
    }

    private mutating func writeEscaping(_ content: Span<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var offset = 0
        while offset < content.count {
            let start = offset
            offset = Self.endOfPlain(content, from: offset)
            if offset > start { bytes.append(content.extracting(start..<offset)) }
            guard offset < content.count else { break }
            let (byteCount, isWellFormed) = UTF8Scan.scalar(at: offset, in: content)
            if !isWellFormed {
                bytes.append(contentsOf: [0xef, 0xbf, 0xbd])
            } else if byteCount > 1 {
                bytes.append(content.extracting(offset..<(offset &+ byteCount)))
            } else {
                writeEscaped(content[offset])
            }
            offset &+= byteCount
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Returns the offset of the first byte, from `start` on, that cannot be copied unchanged.
    private static func endOfPlain(_ content: Span<UInt8>, from start: Int) -> Int {
        var offset = start
        while content.count &- offset >= 8 {
            let special = SWAR.special(content.lanes(at: offset))
            offset &+= special.trailingZeroBitCount >> 3
            if special != 0 { return offset }
        }
        while offset < content.count {
            let byte = content[offset]
            guard 0x20..<0x80 ~= byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return offset }
            offset &+= 1
        }
        return offset
    }

    private mutating func writeEscaped(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0a: bytes.append(UInt8(ascii: "n"))
        case 0x0c: bytes.append(UInt8(ascii: "f"))
        case 0x0d: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &- 10 &+ digit)
            }
        }
    }
}
