package import Encoding

/// The value that one claim must have.
///
/// - A text matches a string of the same bytes, a number of the same value (`1` matches `1.0`), `true`, `false` and
///   `null` by their names, and a list that contains any of these. It never matches an object. `|` separates
///   alternatives, and a `*` at the end of an alternative matches the rest of a string; `\|` and `\*` denote the
///   characters themselves. The whole text, as written, is an alternative too, so that it matches a value that contains
///   a bar.
/// - JSON matches only a value of the same type: strings by their characters, numbers by their value, lists in their
///   order, objects in any order of their members.
package struct ClaimExpectation: Equatable, Sendable {
    private enum Value: Equatable {
        case text([Pattern])
        case json([UInt8])
    }

    private struct Pattern: Equatable {
        var text: [UInt8]
        /// Whether a string that begins with the text matches.
        var isPrefix = false
    }

    package let path: ClaimPath
    private let value: Value

    /// - Returns: `nil` if an alternative is empty or only a `*`, which any string would match; an empty text as a
    ///   whole matches the empty string.
    package init?(_ path: ClaimPath, text: String) {
        self.path = path
        guard let patterns = Self.patterns(Array(text.utf8)) else { return nil }
        value = .text(patterns)
    }

    /// - Throws: a ``JSONError`` if `json` is not strict JSON.
    package init(_ path: ClaimPath, json: String) throws(JSONError) {
        let octets = Array(json.utf8)
        var document = JSONDocument()
        try document.parse(octets.span)
        self.path = path
        value = .json(octets)
    }

    package func isMet(by document: JSONDocument, _ payload: Span<UInt8>) -> Bool {
        guard let node = path.find(in: document, payload) else { return false }
        switch value {
        case .text(let patterns):
            let nodes = document.kind(node) == .array ? document.children(node) : [node]
            return patterns.contains { pattern in nodes.contains { Self.meets(pattern, document, $0, payload) } }
        case .json(let json):
            var expected = JSONDocument()
            guard (try? expected.parse(json.span)) != nil else { return false }
            return Self.isSame(Place(expected, 0), json.span, Place(document, node), payload)
        }
    }

    private static func patterns(_ text: [UInt8]) -> [Pattern]? {
        guard !text.isEmpty else { return [Pattern(text: [])] }
        var patterns = [Pattern(text: [])]
        var index = 0
        while index < text.count {
            let next = index + 1 < text.count ? text[index + 1] : nil
            if text[index] == UInt8(ascii: "\\"), let next, #"|*\"#.utf8.contains(next) {
                patterns[patterns.count - 1].text.append(next)
                index += 1
            } else if text[index] == UInt8(ascii: "|") {
                patterns.append(Pattern(text: []))
            } else if text[index] == UInt8(ascii: "*"), next == nil || next == UInt8(ascii: "|") {
                patterns[patterns.count - 1].isPrefix = true
            } else {
                patterns[patterns.count - 1].text.append(text[index])
            }
            index += 1
        }
        guard patterns.allSatisfy({ !$0.text.isEmpty }) else { return nil }
        return patterns + [Pattern(text: text)]
    }

    private static func meets(
        _ pattern: Pattern, _ document: JSONDocument, _ node: JSONDocument.Node, _ payload: Span<UInt8>
    ) -> Bool {
        let text = pattern.text
        if pattern.isPrefix {
            return document.bytes(node, in: payload)?.starts(with: text) ?? false
        }
        switch document.kind(node) {
        case .string: return document.isEqual(node, text.span, in: payload)
        case .number:
            var wanted = JSONDocument()
            guard (try? wanted.parse(text.span)) != nil, let number = wanted.number(0, in: text.span) else {
                return false
            }
            return document.number(node, in: payload) == number
        case .true: return text == Array("true".utf8)
        case .false: return text == Array("false".utf8)
        case .null: return text == Array("null".utf8)
        case .array, .object: return false
        }
    }
}

/// A value in one of the two documents that are compared.
private struct Place {
    let document: JSONDocument
    let node: JSONDocument.Node

    init(_ document: JSONDocument, _ node: JSONDocument.Node) {
        self.document = document
        self.node = node
    }

    var kind: JSONDocument.Kind { document.kind(node) }
}

extension ClaimExpectation {
    /// Returns whether both values are equal; recurses as deep as the documents nest, which the parser limits.
    private static func isSame(
        _ left: Place, _ leftOctets: Span<UInt8>, _ right: Place, _ rightOctets: Span<UInt8>
    ) -> Bool {
        guard left.kind == right.kind else { return false }
        switch left.kind {
        case .true, .false, .null: return true
        case .string:
            return left.document.bytes(left.node, in: leftOctets) == right.document.bytes(right.node, in: rightOctets)
        case .number:
            guard let number = left.document.number(left.node, in: leftOctets) else { return false }
            return number == right.document.number(right.node, in: rightOctets)
        case .array:
            let (ours, theirs) = (left.document.children(left.node), right.document.children(right.node))
            guard ours.count == theirs.count else { return false }
            for (one, other) in zip(ours, theirs) {
                guard isSame(Place(left.document, one), leftOctets, Place(right.document, other), rightOctets) else {
                    return false
                }
            }
            return true
        case .object:
            let (ours, theirs) = (left.document.members(left.node), right.document.members(right.node))
            guard ours.count == theirs.count else { return false }
            for member in ours {
                let name = left.document.bytes(member.name, in: leftOctets) ?? []
                var found = false
                for other in theirs where right.document.isEqual(other.name, name.span, in: rightOctets) {
                    found = isSame(
                        Place(left.document, member.value), leftOctets, Place(right.document, other.value), rightOctets)
                }
                guard found else { return false }
            }
            return true
        }
    }
}
