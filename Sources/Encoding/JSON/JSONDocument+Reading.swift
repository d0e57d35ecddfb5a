extension JSONDocument {
    package func kind(_ node: Node) -> Kind { entries[node].kind }

    /// Returns the range of the value in the parsed bytes; for a string, without its quotes.
    package func range(_ node: Node) -> Range<Int> {
        Int(entries[node].start)..<Int(entries[node].end)
    }

    /// Returns whether a string has no escapes, so that its bytes are its value.
    package func isPlain(_ node: Node) -> Bool { entries[node].isPlain }

    /// Returns a hash of a member's name, independent of how the name is escaped.
    ///
    /// Different names collide with a chance of 1 in 2^64, which an attacker cannot influence: the key is random for
    /// each process.
    package func nameFingerprint(_ node: Node) -> UInt64 { entries[node].fingerprint }

    package static func nameFingerprint(of name: Span<UInt8>) -> UInt64 { JSONText.fingerprint(name) }

    /// Returns the number of members of an object or elements of an array.
    package func count(_ node: Node) -> Int { Int(entries[node].count) }

    /// Returns the value of the member called `name`, however its name is escaped; `nil` if `node` is not an object or
    /// has no such member.
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

    /// Returns the node after this one and all its descendants: from an element the next element, from a value the next
    /// name.
    package func node(after node: Node) -> Node { Int(entries[node].next) }

    /// Returns the number as an exact integer, or `nil`: `1`, `-5`, `1.0` and `1e3` are integers; `1.5`, `1e999` and
    /// 2^63 are not.
    package func integer(_ node: Node, in bytes: Span<UInt8>) -> Int64? {
        guard entries[node].kind == .number else { return nil }
        return JSONText.integer(bytes.extracting(range(node)))
    }

    package func string(_ node: Node, in bytes: Span<UInt8>) -> String? {
        guard entries[node].kind == .string, entries[node].isPlain else {
            return self.bytes(node, in: bytes).map { String(decoding: $0, as: UTF8.self) }
        }
        return String(decoding: bytes.extracting(range(node)))
    }

    /// Returns a string's value in UTF-8 with its escapes resolved.
    package func bytes(_ node: Node, in bytes: Span<UInt8>) -> [UInt8]? {
        guard entries[node].kind == .string else { return nil }
        return entries[node].isPlain
            ? Array(bytes.extracting(range(node))) : JSONText.unescaped(bytes.extracting(range(node)))
    }

    /// Returns the value as spelled in the document, a string with its quotes: valid JSON by itself.
    package func raw(_ node: Node, in bytes: Span<UInt8>) -> [UInt8] {
        let range = range(node)
        let quoteCount = kind(node) == .string ? 1 : 0
        return Array(bytes.extracting((range.lowerBound - quoteCount)..<(range.upperBound + quoteCount)))
    }

    /// Returns whether a string's value is `text`.
    package func isEqual(_ node: Node, _ text: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        guard entries[node].kind == .string else { return false }
        guard entries[node].isPlain else {
            let value = JSONText.unescaped(bytes.extracting(range(node)))
            return JSONText.isEqual(value.span, text)
        }
        return JSONText.isEqual(bytes.extracting(range(node)), text)
    }

    /// Returns the elements of an array, in order; empty if `node` is not an array.
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

    /// Returns the members of an object, in order; empty if `node` is not an object.
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

    /// Returns the offset of the first byte from `start` on that is not a plain character of a string: a quote, a
    /// backslash, a control character, a byte beyond ASCII, or the end of `bytes`.
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
