import Encoding

/// Writes one HTML document. All text and all values that it gets are escaped; it has no way to write markup that it
/// did not make itself.
package struct HTMLWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {
        bytes.reserveCapacity(8_192)
        bytes.append("<!doctype html>\n")
    }

    /// Writes a part of a document.
    static func fragment(_ content: (inout HTMLWriter) -> Void) -> [UInt8] {
        var writer = HTMLWriter()
        writer.bytes.removeAll(keepingCapacity: true)
        content(&writer)
        return writer.bytes
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
            case .instantly(let path): append("content", "0; url=\(path.text)")
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

    /// Copies what needs no escape in one piece.
    private mutating func append(escaping text: String) {
        var text = text
        text.withUTF8 { utf8 in
            let utf8 = unsafe utf8
            var start = 0
            for index in 0..<utf8.count where !Self.isPlain(unsafe utf8[index]) {
                let byte = unsafe utf8[index]
                // U+0080 to U+009F are control characters as well; only their second byte differs from other letters.
                let isPair = byte == 0xc2
                if isPair, index + 1 < utf8.count, unsafe utf8[index + 1] >= 0xa0 { continue }
                unsafe bytes.append(contentsOf: utf8[start..<index])
                append(escaping: byte)
                start = index + (isPair ? 2 : 1)
            }
            guard start < utf8.count else { return }
            unsafe bytes.append(contentsOf: utf8[start...])
        }
    }

    /// Whether a byte of UTF-8 is written unchanged, whatever follows it.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "'"): false
        case 0x09, 0x0a: true
        default: byte >= 0x20 && byte != 0x7f && byte != 0xc2
        }
    }

    private mutating func append(escaping byte: UInt8) {
        switch byte {
        case UInt8(ascii: "&"): bytes.append("&amp;")
        case UInt8(ascii: "<"): bytes.append("&lt;")
        case UInt8(ascii: ">"): bytes.append("&gt;")
        case UInt8(ascii: "\""): bytes.append("&quot;")
        case UInt8(ascii: "'"): bytes.append("&#39;")
        // A parser of HTML turns a carriage return into a line feed.
        case UInt8(ascii: "\r"): bytes.append("&#13;")
        default: bytes.append("\u{fffd}")
        }
    }
}
