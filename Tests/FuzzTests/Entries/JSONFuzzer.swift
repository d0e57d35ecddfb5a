@testable import Encoding

/// The strict JSON reader: what it accepts can be read in every way, and written and read again with the same meaning.
enum JSONFuzzer {
    static func make() -> ([UInt8]) -> Void {
        var (document, again) = (JSONDocument(), JSONDocument())
        return { bytes in
            let plain = JSONDocument.endOfPlainText(in: bytes.span, from: 0)
            demand((0...bytes.count).contains(plain), "plain text ends inside")
            do throws(JSONError) {
                try document.parse(bytes.span)
            } catch {
                return demand(document.kind(0) == .null, "a refused document is empty")
            }
            let written = rewritten(document, bytes)
            do throws(JSONError) {
                try again.parse(written.span)
            } catch {
                return demand(false, "what was written is read: \(error)")
            }
            demand(rewritten(again, written) == written, "what was written is written the same")
        }
    }

    /// Reads every value in the ways that callers do, and writes it.
    static func rewritten(_ document: JSONDocument, _ bytes: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        write(0, document, bytes, &writer)
        return writer.bytes
    }

    private static func write(_ node: Int, _ document: JSONDocument, _ bytes: [UInt8], _ writer: inout JSONWriter) {
        let span = bytes.span
        switch document.kind(node) {
        case .object:
            writer.beginObject()
            for (name, value) in document.members(node) {
                let text = document.string(name, in: span)
                demand(text != nil, "a member has a name")
                writer.name(text ?? "")
                write(value, document, bytes, &writer)
            }
            writer.endObject()
        case .array:
            writer.beginArray()
            for element in document.children(node) { write(element, document, bytes, &writer) }
            writer.endArray()
        case .string:
            let octets = document.bytes(node, in: span) ?? []
            demand(document.isEqual(node, octets.span, in: span), "a string equals itself")
            demand(document.string(node, in: span).map { Array($0.utf8) } == octets, "a string is UTF-8")
            writer.string(utf8: octets.span)
        case .number:
            let raw = document.raw(node, in: span)
            if let integer = document.integer(node, in: span), "\(integer)".utf8.elementsEqual(raw) {
                writer.integer(integer)
            } else {
                writer.raw(raw)
            }
        case .true: writer.bool(true)
        case .false: writer.bool(false)
        case .null: writer.null()
        }
    }
}
