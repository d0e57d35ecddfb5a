/// A strict reader of JSON (RFC 8259): one meaning for each document, or none.
///
/// Refuses duplicate names (compared after their escapes are resolved), a byte order mark, lone surrogates, invalid UTF-8, control
/// characters in strings, and anything after the value. Reads into a flat list of nodes that is used again by the next
/// ``parse(_:)``; values are looked up in the same octets that were parsed. Nothing recurses and nothing traps on any input.
package struct JSONDocument: Sendable {
    package enum Kind: UInt8, Sendable {
        case object, array, string, number, `true`, `false`, null
    }

    /// A place in the list of nodes; the root is 0. In an object each name stands directly before its value.
    package typealias Node = Int

    struct Entry: Sendable {
        var kind: Kind
        /// A string without escapes: its octets are its value.
        var isPlain: Bool
        var start: Int32
        var end: Int32
        /// The node after this one and all that it holds.
        var next: Int32
        var count: Int32
        /// Of a name: a number equal for equal names.
        var fingerprint: UInt64
    }

    var entries: [Entry] = []
    let limits: JSONLimits
    /// The containers that are open while parsing.
    private var open: [Int] = []

    package init(limits: JSONLimits = JSONLimits()) {
        self.limits = limits
    }

    package mutating func parse(_ bytes: Span<UInt8>) throws(JSONFault) {
        entries.removeAll(keepingCapacity: true)
        open.removeAll(keepingCapacity: true)
        guard bytes.count <= min(limits.byteCountMax, Int(Int32.max)) else { throw .tooLarge }
        if bytes.count >= 3, bytes[0] == 0xef, bytes[1] == 0xbb, bytes[2] == 0xbf { throw .byteOrderMark }
        var scanner = JSONScanner(bytes)
        scanner.skipBlanks()
        try readValue(&scanner)
        while let container = open.last {
            try readNext(in: container, &scanner)
        }
        scanner.skipBlanks()
        guard scanner.isAtEnd else { throw .trailing(scanner.offset) }
    }

    /// One step inside an open container: its next member or element, or its end.
    private mutating func readNext(in container: Int, _ scanner: inout JSONScanner) throws(JSONFault) {
        let isObject = entries[container].kind == .object
        scanner.skipBlanks()
        guard let letter = scanner.current else { throw .unterminated }
        if letter == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            scanner.advance()
            return try close(container, isObject, scanner)
        }
        if entries[container].count > 0 {
            guard letter == UInt8(ascii: ",") else { throw .unexpected(scanner.offset) }
            scanner.advance()
            scanner.skipBlanks()
        }
        if isObject { try readName(&scanner) }
        entries[container].count += 1
        try readValue(&scanner)
    }

    private mutating func readName(_ scanner: inout JSONScanner) throws(JSONFault) {
        guard let letter = scanner.current else { throw .unterminated }
        guard letter == UInt8(ascii: "\"") else { throw .unexpected(scanner.offset) }
        try readString(&scanner, isName: true)
        scanner.skipBlanks()
        guard let colon = scanner.current else { throw .unterminated }
        guard colon == UInt8(ascii: ":") else { throw .unexpected(scanner.offset) }
        scanner.advance()
        scanner.skipBlanks()
    }

    private mutating func readValue(_ scanner: inout JSONScanner) throws(JSONFault) {
        guard let letter = scanner.current else { throw .unterminated }
        let start = scanner.offset
        switch letter {
        case UInt8(ascii: "\""):
            try readString(&scanner, isName: false)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard open.count < limits.depthMax else { throw .tooDeep }
            scanner.advance()
            open.append(entries.count)
            try append(letter == UInt8(ascii: "{") ? .object : .array, start, scanner.offset)
        case UInt8(ascii: "t"):
            try scanner.skip("true")
            try append(.true, start, scanner.offset)
        case UInt8(ascii: "f"):
            try scanner.skip("false")
            try append(.false, start, scanner.offset)
        case UInt8(ascii: "n"):
            try scanner.skip("null")
            try append(.null, start, scanner.offset)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try scanner.skipNumber()
            try append(.number, start, scanner.offset)
        default:
            throw .unexpected(start)
        }
    }

    private mutating func readString(_ scanner: inout JSONScanner, isName: Bool) throws(JSONFault) {
        scanner.advance()
        let start = scanner.offset
        let isPlain = try scanner.skipString()
        let end = scanner.offset - 1
        var fingerprint: UInt64 = 0
        if isName {
            fingerprint =
                isPlain
                ? JSONText.fingerprint(scanner.bytes.extracting(start..<end))
                : JSONText.fingerprint(JSONText.unescaped(scanner.bytes.extracting(start..<end)).span)
        }
        try append(.string, start, end, isPlain: isPlain, fingerprint: fingerprint)
    }

    private mutating func append(
        _ kind: Kind, _ start: Int, _ end: Int, isPlain: Bool = false, fingerprint: UInt64 = 0
    ) throws(JSONFault) {
        guard entries.count < limits.memberMax else { throw .tooManyValues }
        let next = Int32(truncatingIfNeeded: entries.count + 1)
        entries.append(
            Entry(
                kind: kind, isPlain: isPlain, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end),
                next: next, count: 0, fingerprint: fingerprint))
    }

    private mutating func close(_ container: Int, _ isObject: Bool, _ scanner: JSONScanner) throws(JSONFault) {
        open.removeLast()
        entries[container].end = Int32(truncatingIfNeeded: scanner.offset)
        entries[container].next = Int32(truncatingIfNeeded: entries.count)
        if isObject, entries[container].count > 1 { try refuseDuplicates(in: container, scanner.bytes) }
    }

    /// Few names are compared each with each; many are sorted by fingerprint first, so that a large object costs no square.
    private func refuseDuplicates(in container: Int, _ bytes: Span<UInt8>) throws(JSONFault) {
        guard entries[container].count > 24 else {
            var node = container + 1
            let end = Int(entries[container].next)
            while node < end {
                let fingerprint = entries[node].fingerprint
                var other = Int(entries[node + 1].next)
                while other < end {
                    if entries[other].fingerprint == fingerprint, isSameName(node, other, bytes) {
                        throw .duplicateMember(Int(entries[other].start) - 1)
                    }
                    other = Int(entries[other + 1].next)
                }
                node = Int(entries[node + 1].next)
            }
            return
        }
        var names = members(container).map { (fingerprint: entries[$0.name].fingerprint, node: $0.name) }
        names.sort { ($0.fingerprint, $0.node) < ($1.fingerprint, $1.node) }
        for (first, second) in zip(names, names.dropFirst()) where first.fingerprint == second.fingerprint {
            guard !isSameName(first.node, second.node, bytes) else {
                throw .duplicateMember(Int(entries[second.node].start) - 1)
            }
        }
    }

    private func isSameName(_ left: Node, _ right: Node, _ bytes: Span<UInt8>) -> Bool {
        octets(left, in: bytes) == octets(right, in: bytes)
    }
}
