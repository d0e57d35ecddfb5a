package import Encoding

/// The place of a claim: `name` is the member of that name, `/outer/inner` a JSON Pointer (RFC 6901) into nested
/// values.
///
/// A name that itself begins with a slash is written as a pointer, with `~1` for each slash and `~0` for each tilde.
package struct ClaimPath: Equatable, Sendable {
    package let text: String
    private let steps: [[UInt8]]

    /// - Returns: `nil` for an empty name, or a pointer with a tilde that is neither `~0` nor `~1`.
    package init?(_ text: String) {
        guard !text.isEmpty, text != "/" else { return nil }
        self.text = text
        guard text.utf8.first == UInt8(ascii: "/") else {
            steps = [Array(text.utf8)]
            return
        }
        var steps: [[UInt8]] = []
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let step = Self.unescaped(Array(part)) else { return nil }
            steps.append(step)
        }
        self.steps = steps
    }

    /// Returns the claim's value in a parsed payload, or `nil` if the payload does not have the claim.
    package func find(in document: JSONDocument, _ payload: Span<UInt8>) -> JSONDocument.Node? {
        var node = 0
        for step in steps {
            switch document.kind(node) {
            case .object:
                let member = document.members(node).first { document.isEqual($0.name, step.span, in: payload) }
                guard let member else { return nil }
                node = member.value
            case .array:
                let children = document.children(node)
                guard let index = Self.index(step), children.indices.contains(index) else { return nil }
                node = children[index]
            default: return nil
            }
        }
        return node
    }

    private static func unescaped(_ part: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        var rest = part[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "~") else {
                output.append(octet)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "0"): output.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): output.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return output
    }

    /// Parses a list index: digits without a leading zero (RFC 6901 §4).
    private static func index(_ step: [UInt8]) -> Int? {
        guard step.count <= 9, step.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        guard step.count == 1 || step.first != UInt8(ascii: "0") else { return nil }
        return Int(String(decoding: step, as: UTF8.self))
    }
}
