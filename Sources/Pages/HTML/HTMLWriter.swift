import Encoding

/// Writes one HTML document. All text and all values that it gets are escaped; it has no way to write markup that it
/// did not make itself.
package struct HTMLWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {
        bytes.reserveCapacity(8_192)
        bytes.append("<!doctype html>\n")
    }

    /// Writes an element; `content` writes what is inside.
    package mutating func element(
        _ tag: HTMLTag, _ attributes: [HTMLAttribute] = [], _ content: (inout HTMLWriter) -> Void
    ) {
        open(tag.rawValue, attributes)
        content(&self)
        bytes.append("</")
        bytes.append(contentsOf: tag.rawValue.utf8)
        bytes.append(">")
    }

    /// Writes an element that contains only text.
    package mutating func element(_ tag: HTMLTag, _ attributes: [HTMLAttribute] = [], text: String) {
        element(tag, attributes) { $0.text(text) }
    }

    /// Writes an element without content.
    package mutating func element(_ tag: HTMLVoidTag, _ attributes: [HTMLAttribute] = []) {
        open(tag.rawValue, attributes)
    }

    /// Writes text. Control characters other than line feeds and tabs become U+FFFD.
    package mutating func text(_ text: String) {
        append(escaping: text)
    }

    private mutating func open(_ name: String, _ attributes: [HTMLAttribute]) {
        bytes.append("<")
        bytes.append(contentsOf: name.utf8)
        for attribute in attributes {
            bytes.append(" ")
            switch attribute {
            case .flag(let flag): bytes.append(contentsOf: flag.rawValue.utf8)
            case .set(let name, let value): append(name.rawValue, value)
            case .link(let name, let path): append(name.rawValue, path.text)
            }
        }
        bytes.append(">")
    }

    private mutating func append(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append("=\"")
        append(escaping: value)
        bytes.append("\"")
    }

    private mutating func append(escaping text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes.append("&amp;")
            case "<": bytes.append("&lt;")
            case ">": bytes.append("&gt;")
            case "\"": bytes.append("&quot;")
            case "'": bytes.append("&#39;")
            // A parser of HTML turns a carriage return into a line feed.
            case "\r": bytes.append("&#13;")
            case "\n", "\t": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            default:
                let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
                bytes.append(
                    contentsOf: UTF8.encode(isControl ? "\u{fffd}" : scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }
}
