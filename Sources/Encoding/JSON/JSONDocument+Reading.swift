extension JSONDocument {
    package func kind(_ node: Node) -> Kind { entries[node].kind }

    /// Where the value's octets lie in what was parsed; a string's without its quotes.
    package func range(_ node: Node) -> Range<Int> {
        Int(entries[node].start)..<Int(entries[node].end)
    }

    /// Whether a string has no escapes, so that its octets are its value.
    package func isPlain(_ node: Node) -> Bool { entries[node].isPlain }

    /// Of a member's name: equal for equal names, however they are escaped, and different for different ones but for one
    /// chance in 2^64 that nobody outside can steer. Means nothing to another process.
    package func nameFingerprint(_ node: Node) -> UInt64 { entries[node].fingerprint }

    package static func nameFingerprint(of name: Span<UInt8>) -> UInt64 { JSONText.fingerprint(name) }

    /// How many members or elements.
    package func count(_ node: Node) -> Int { Int(entries[node].count) }

    /// The value of a member, or `nil` unless `node` is an object that has it, however its name is escaped.
    package func member(_ name: StaticString, of node: Node, in bytes: Span<UInt8>) -> Node? {
        guard entries[node].kind == .object else { return nil }
        var cursor = node + 1
        let end = Int(entries[node].next)
        while cursor < end {
            if isEqual(cursor, name, in: bytes) { return cursor + 1 }
            cursor = Int(entries[cursor + 1].next)
        }
        return nil
    }

    /// The node after this one and all that it holds: from an element to the next, from a value to the next name.
    package func node(after node: Node) -> Node { Int(entries[node].next) }

    /// The exact integer that a number is: `1`, `-5`, `1.0` and `1e3` are; `1.5`, `1e999` and 2^63 are not.
    package func integer(_ node: Node, in bytes: Span<UInt8>) -> Int64? {
        guard entries[node].kind == .number else { return nil }
        return JSONText.integer(bytes.extracting(range(node)))
    }

    package func string(_ node: Node, in bytes: Span<UInt8>) -> String? {
        octets(node, in: bytes).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A string's value with its escapes resolved.
    package func octets(_ node: Node, in bytes: Span<UInt8>) -> [UInt8]? {
        guard entries[node].kind == .string else { return nil }
        return entries[node].isPlain
            ? Array(bytes.extracting(range(node))) : JSONText.unescaped(bytes.extracting(range(node)))
    }

    /// The value as it is spelled, a string with its quotes: JSON again.
    package func raw(_ node: Node, in bytes: Span<UInt8>) -> [UInt8] {
        let range = range(node)
        let quoteCount = kind(node) == .string ? 1 : 0
        return Array(bytes.extracting((range.lowerBound - quoteCount)..<(range.upperBound + quoteCount)))
    }

    /// Whether a string's value is `text`.
    package func isEqual(_ node: Node, _ text: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        guard entries[node].kind == .string else { return false }
        guard entries[node].isPlain else {
            let value = JSONText.unescaped(bytes.extracting(range(node)))
            return JSONText.isEqual(value.span, text)
        }
        return JSONText.isEqual(bytes.extracting(range(node)), text)
    }

    /// The elements of an array, in order; empty for what is no array.
    package func children(_ node: Node) -> [Node] {
        guard entries[node].kind == .array else { return [] }
        var nodes: [Node] = []
        nodes.reserveCapacity(count(node))
        var cursor = node + 1
        while cursor < Int(entries[node].next) {
            nodes.append(cursor)
            cursor = Int(entries[cursor].next)
        }
        return nodes
    }

    /// The members of an object, in order; empty for what is no object.
    package func members(_ node: Node) -> [(name: Node, value: Node)] {
        guard entries[node].kind == .object else { return [] }
        var nodes: [(name: Node, value: Node)] = []
        nodes.reserveCapacity(count(node))
        var cursor = node + 1
        while cursor < Int(entries[node].next) {
            nodes.append((cursor, cursor + 1))
            cursor = Int(entries[cursor + 1].next)
        }
        return nodes
    }

    private func isEqual(_ node: Node, _ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        let spelled = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return isEqual(node, unsafe spelled.span, in: bytes)
    }

    /// Where letters that mean themselves inside a string end: at a quote, a backslash, a control character, an octet beyond
    /// ASCII, or the end of `bytes`.
    package static func endOfPlainText(in bytes: Span<UInt8>, from start: Int) -> Int {
        var scanner = JSONScanner(bytes, at: start)
        scanner.skipOrdinary()
        while let letter = scanner.current, 0x20..<0x80 ~= letter, letter != UInt8(ascii: "\""),
            letter != UInt8(ascii: "\\")
        {
            scanner.advance()
        }
        return scanner.offset
    }
}
