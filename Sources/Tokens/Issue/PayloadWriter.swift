import Encoding
import JOSE
import Platform

/// Writes a token's payload: claims in the order of the calls, each in the only form that the verifier accepts.
struct PayloadWriter {
    private var bytes: [UInt8]

    /// Each claim's name as it precedes the value, by the index of the claim. The comma before the first member becomes the
    /// opening brace.
    private static let members: [[UInt8]] = Claim.allCases.map { claim in Array(",\"\(claim.rawValue)\":".utf8) }

    /// - Parameter buffer: memory to reuse, which the writer takes.
    init(reusing buffer: inout [UInt8]) {
        bytes = []
        // Another reference to the memory would make the writer allocate its own.
        swap(&bytes, &buffer)
        bytes.removeAll(keepingCapacity: true)
        bytes.reserveCapacity(1_024)
    }

    /// Returns the payload, moved out of the writer, not copied.
    mutating func finish() -> [UInt8] {
        if bytes.isEmpty { bytes.append(UInt8(ascii: "{")) } else { bytes[0] = UInt8(ascii: "{") }
        bytes.append(UInt8(ascii: "}"))
        var payload: [UInt8] = []
        swap(&payload, &bytes)
        return payload
    }

    /// Returns whether no byte is a control character, a quotation mark or a backslash.
    private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
        if bytes.isPlainASCII { return true }
        for index in bytes.indices {
            let byte = bytes[index]
            if byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
        }
        return true
    }

    /// Writes a text that must not be empty or need escapes, because the verifier reads its bytes without decoding.
    mutating func name(_ claim: Claim, _ text: String) throws(IssueError) {
        let content = text.utf8.span
        guard !content.isEmpty, Self.isPlain(content) else { throw .claimUnwritable(claim) }
        append(claim, content, between: "\"", and: "\"")
    }

    mutating func text(_ claim: Claim, _ text: String) {
        let content = text.utf8.span
        if JSONWriter.needsNoEscape(content) { return append(claim, content, between: "\"", and: "\"") }
        begin(claim)
        append(quoted: text)
    }

    mutating func texts(_ claim: Claim, _ texts: [String]) {
        if texts.count == 1, JSONWriter.needsNoEscape(texts[0].utf8.span) {
            return append(claim, texts[0].utf8.span, between: "[\"", and: "\"]")
        }
        begin(claim)
        bytes.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(quoted: text)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Writes one name alone or a list (RFC 7519 §4.1.3), which must not be empty (RFC 9068 §2.2).
    mutating func audience(_ names: [String]) throws(IssueError) {
        guard let first = names.first, !names.contains(where: \.isEmpty) else { throw .claimUnwritable(.audience) }
        if names.count == 1 { text(.audience, first) } else { texts(.audience, names) }
    }

    mutating func identifier(_ claim: Claim, _ identifier: UUID) {
        append(claim, identifier.text.span, between: "\"", and: "\"")
    }

    mutating func number(_ claim: Claim, _ number: Int64) {
        let member = Self.members[claim.index]
        bytes.append(addingCapacity: member.count + 20) { output in
            output.append(member.span)
            output.append(decimal: number)
        }
    }

    mutating func time(_ claim: Claim, _ seconds: UnixSeconds) throws(IssueError) {
        guard NumericDate.range.contains(seconds) else { throw .claimUnwritable(claim) }
        number(claim, seconds.count)
    }

    /// Adds the members of a JSON object unchanged, except those named like a ``Claim``.
    mutating func extra(_ object: [UInt8]) throws(IssueError) {
        if object.isEmpty || object == [UInt8(ascii: "{"), UInt8(ascii: "}")] { return }
        let content = object.span
        var document = JSONDocument()
        do { try document.parse(content) } catch { throw .extraClaims(error) }
        guard document.kind(0) == .object else { throw .extraClaimsNotObject }
        for (nameNode, value) in document.members(0) {
            guard let name = document.string(nameNode, in: content), Claim(rawValue: name) == nil else { continue }
            bytes.append(UInt8(ascii: ","))
            append(quoted: name)
            bytes.append(UInt8(ascii: ":"))
            let range = document.range(value)
            // A string's range in the document excludes its quotes.
            let isString = document.kind(value) == .string
            bytes.append(content.extracting(isString ? range.lowerBound - 1..<range.upperBound + 1 : range))
        }
    }

    /// Appends a whole member at once.
    private mutating func append(
        _ claim: Claim, _ content: Span<UInt8>, between open: StaticString, and close: StaticString
    ) {
        let member = Self.members[claim.index]
        let byteCount = member.count + open.utf8CodeUnitCount + content.count + close.utf8CodeUnitCount
        bytes.append(addingCapacity: byteCount) { output in
            output.append(member.span)
            output.append(open)
            output.append(content)
            output.append(close)
        }
    }

    private mutating func begin(_ claim: Claim) {
        let member = Self.members[claim.index]
        bytes.append(member.span)
    }

    private mutating func append(quoted text: String) {
        var writer = JSONWriter(after: bytes)
        bytes = []
        writer.string(text)
        bytes = writer.finished()
    }
}
