import Encoding

/// Formats untrusted JSON for a terminal: the same values, and no character that controls the terminal.
enum JSONRendering {
    /// Formats a JSON document.
    ///
    /// - Parameter isPretty: whether to print one line per member instead of one line in all.
    /// - Returns: `nil` if the input is not JSON.
    static func text(_ octets: [UInt8], isPretty: Bool) -> String? {
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536, byteCountMax: max(65_536, octets.count)))
        guard (try? document.parse(octets.span)) != nil else { return nil }
        var writer = JSONWriter(isPretty: isPretty)
        write(document, 0, octets.span, to: &writer)
        return escaped(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// Recurses to the nesting depth of the document, which the parser limits.
    private static func write(
        _ document: JSONDocument, _ node: JSONDocument.Node, _ octets: Span<UInt8>, to writer: inout JSONWriter
    ) {
        switch document.kind(node) {
        case .object:
            writer.beginObject()
            for member in document.members(node) {
                writer.name(document.string(member.name, in: octets) ?? "")
                write(document, member.value, octets, to: &writer)
            }
            writer.endObject()
        case .array:
            writer.beginArray()
            for element in document.children(node) { write(document, element, octets, to: &writer) }
            writer.endArray()
        case .string: writer.string(document.string(node, in: octets) ?? "")
        case .number, .true, .false, .null: writer.raw(document.raw(node, in: octets))
        }
    }

    /// Escapes control characters. Outside of strings there are only ASCII characters and generated newlines, so what
    /// is escaped here is in a string.
    static func escaped(_ text: String) -> String {
        var output = ""
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { last = scalar }
            let isCommand = Printable.isCommand(scalar, after: last)
            guard Printable.isHostile(scalar) || isCommand, scalar != "\n" else {
                output.unicodeScalars.append(scalar)
                continue
            }
            for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                let digits = String(unit, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return output
    }
}
