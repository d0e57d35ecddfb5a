/// Parses a document in one pass and writes its nodes.
///
/// Separate from ``JSONDocument`` so that the bytes, the offset and the nodes are local variables during the pass.
struct JSONParser: ~Escapable {
    typealias Entry = JSONDocument.Entry

    private var scanner: JSONScanner
    private let depthMax: Int
    private let nodeCountMax: Int
    private var used = 0
    private var depth = 0
    /// The innermost open object or array; -1 outside of all.
    private var container = -1

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, depthMax: Int, nodeCountMax: Int) {
        scanner = JSONScanner(bytes)
        self.depthMax = depthMax
        self.nodeCountMax = nodeCountMax
    }

    /// - Returns: false when `entries` is too short.
    @_lifetime(self: copy self)
    mutating func parse(into entries: inout MutableSpan<Entry>) throws(JSONError) -> Bool {
        scanner.skipBlanks()
        guard try readValue(&entries) else { return false }
        while container >= 0 {
            guard try readNext(&entries) else { return false }
        }
        scanner.skipBlanks()
        guard scanner.isAtEnd else { throw .trailing(scanner.offset) }
        return true
    }

    /// Parses the next member or element of the open container, or its end.
    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func readNext(_ entries: inout MutableSpan<Entry>) throws(JSONError) -> Bool {
        let isObject = entries[container].kind == .object
        scanner.skipBlanks()
        guard var letter = scanner.current else { throw .unterminated }
        if letter == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            scanner.advance()
            try close(isObject, &entries)
            return true
        }
        if entries[container].count > 0 {
            guard letter == UInt8(ascii: ",") else { throw .unexpected(scanner.offset) }
            scanner.advance()
            scanner.skipBlanks()
            guard let next = scanner.current else { throw .unterminated }
            letter = next
        }
        entries[container].count += 1
        if isObject {
            guard letter == UInt8(ascii: "\"") else { throw .unexpected(scanner.offset) }
            guard try readString(isName: true, &entries) else { return false }
            scanner.skipBlanks()
            guard let colon = scanner.current else { throw .unterminated }
            guard colon == UInt8(ascii: ":") else { throw .unexpected(scanner.offset) }
            scanner.advance()
            scanner.skipBlanks()
        }
        return try readValue(&entries)
    }

    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func readValue(_ entries: inout MutableSpan<Entry>) throws(JSONError) -> Bool {
        guard let letter = scanner.current else { throw .unterminated }
        if letter == UInt8(ascii: "\"") { return try readString(isName: false, &entries) }
        let start = scanner.offset
        let kind: JSONDocument.Kind
        switch letter {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            return try open(letter == UInt8(ascii: "{") ? .object : .array, &entries)
        case UInt8(ascii: "t"):
            try scanner.skip("true")
            kind = .true
        case UInt8(ascii: "f"):
            try scanner.skip("false")
            kind = .false
        case UInt8(ascii: "n"):
            try scanner.skip("null")
            kind = .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try scanner.skipNumber()
            kind = .number
        default:
            throw .unexpected(start)
        }
        return try append(kind, start, scanner.offset, isPlain: false, fingerprint: 0, &entries)
    }

    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func readString(isName: Bool, _ entries: inout MutableSpan<Entry>) throws(JSONError) -> Bool {
        scanner.advance()
        let start = scanner.offset
        let isPlain = try scanner.skipString()
        let end = scanner.offset - 1
        var fingerprint: UInt64 = 0
        if isName {
            let text = scanner.bytes.extracting(start..<end)
            fingerprint = isPlain ? JSONText.fingerprint(text) : JSONText.fingerprint(JSONText.unescaped(text).span)
        }
        return try append(.string, start, end, isPlain: isPlain, fingerprint: fingerprint, &entries)
    }

    @_lifetime(self: copy self)
    private mutating func open(
        _ kind: JSONDocument.Kind, _ entries: inout MutableSpan<Entry>
    ) throws(JSONError) -> Bool {
        guard depth < depthMax else { throw .tooDeep }
        let node = used
        guard try append(kind, scanner.offset, 0, isPlain: false, fingerprint: 0, &entries) else { return false }
        entries[node].next = Int32(truncatingIfNeeded: container)
        container = node
        depth += 1
        scanner.advance()
        return true
    }

    @_lifetime(self: copy self)
    private mutating func close(_ isObject: Bool, _ entries: inout MutableSpan<Entry>) throws(JSONError) {
        let closed = container
        container = Int(entries[closed].next)
        depth -= 1
        entries[closed].end = Int32(truncatingIfNeeded: scanner.offset)
        entries[closed].next = Int32(truncatingIfNeeded: used)
        if isObject, entries[closed].count > 1 {
            try JSONNames.refuseDuplicates(in: closed, entries.span, scanner.bytes)
        }
    }

    @inline(__always)
    @_lifetime(self: copy self)
    private mutating func append(
        _ kind: JSONDocument.Kind, _ start: Int, _ end: Int, isPlain: Bool, fingerprint: UInt64,
        _ entries: inout MutableSpan<Entry>
    ) throws(JSONError) -> Bool {
        guard used < nodeCountMax else { throw .tooManyValues }
        guard used < entries.count else { return false }
        entries[used] = Entry(
            kind: kind, isPlain: isPlain, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end),
            next: Int32(truncatingIfNeeded: used + 1), count: 0, fingerprint: fingerprint)
        used += 1
        return true
    }
}
