import Encoding

/// Somebody else's JSON written anew for a terminal: the same values, and no character that acts.
enum JSONRendering {
    /// - Parameter isPretty: a line for each member, else one line in all.
    /// - Returns: `nil` for what is no JSON.
    static func text(_ octets: [UInt8], isPretty: Bool) -> String? {
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536, byteCountMax: max(65_536, octets.count)))
        guard (try? document.parse(octets.span)) != nil else { return nil }
        var writer = JSONWriter(isPretty: isPretty)
        write(document, 0, octets.span, to: &writer)
        return escaped(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// Recurses as deep as the document nests, which its reader bounds.
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

    /// Outside strings there are only ASCII and newlines of ours, so what is escaped here stands in a string.
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
