import Encoding
import JOSE
import Platform

/// Writes a token's payload: claims in the order of the calls, each in the only form that the verifier accepts.
struct PayloadWriter {
    private var writer = JSONWriter()

    init() {
        writer.beginObject()
    }

    mutating func finish() -> [UInt8] {
        writer.endObject()
        return writer.bytes
    }

    /// Returns whether no byte is a control character, a quotation mark or a backslash.
    private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        // Without an early end the compiler compares many bytes at once.
        var special: UInt8 = 0
        for index in bytes.indices {
            let byte = bytes[index]
            let isSpecial = byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            special |= isSpecial ? 1 : 0
        }
        return special == 0
    }

    /// Writes a text that must not be empty or need escapes, because the verifier reads its bytes without decoding.
    mutating func name(_ claim: Claim, _ text: String) throws(IssueError) {
        guard !text.isEmpty, Self.isPlain(text.utf8.span) else { throw .claimUnwritable(claim) }
        self.text(claim, text)
    }

    mutating func text(_ claim: Claim, _ text: String) {
        writer.name(claim.rawValue)
        writer.string(text)
    }

    mutating func texts(_ claim: Claim, _ texts: [String]) {
        writer.name(claim.rawValue)
        writer.beginArray()
        for text in texts { writer.string(text) }
        writer.endArray()
    }

    /// Writes one name alone or a list (RFC 7519 §4.1.3), which must not be empty (RFC 9068 §2.2).
    mutating func audience(_ names: [String]) throws(IssueError) {
        guard let first = names.first, !names.contains("") else { throw .claimUnwritable(.audience) }
        if names.count == 1 { text(.audience, first) } else { texts(.audience, names) }
    }

    mutating func identifier(_ claim: Claim, _ identifier: UUID) {
        text(claim, identifier.description)
    }

    mutating func number(_ claim: Claim, _ number: Int64) {
        writer.name(claim.rawValue)
        writer.integer(number)
    }

    mutating func time(_ claim: Claim, _ seconds: UnixSeconds) throws(IssueError) {
        guard NumericDate.range.contains(seconds) else { throw .claimUnwritable(claim) }
        number(claim, seconds.count)
    }

    /// Adds the members of a JSON object unchanged, except those named like a ``Claim``.
    mutating func extra(_ object: [UInt8]) throws(IssueError) {
        if object.isEmpty { return }
        let bytes = object.span
        var document = JSONDocument()
        do { try document.parse(bytes) } catch { throw .extraClaims(error) }
        guard document.kind(0) == .object else { throw .extraClaimsNotObject }
        for (nameNode, value) in document.members(0) {
            guard let name = document.string(nameNode, in: bytes), Claim(rawValue: name) == nil else { continue }
            writer.name(name)
            let range = document.range(value)
            // A string's range in the document excludes its quotes.
            let isString = document.kind(value) == .string
            writer.raw(Array(object[(isString ? range.lowerBound - 1..<range.upperBound + 1 : range)]))
        }
    }
}
