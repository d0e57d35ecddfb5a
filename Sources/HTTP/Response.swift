internal import Encoding

/// One response being written: a status, header lines and content, without anything that belongs to the connection.
///
/// The HTTP server adds `Date`, `Content-Length`, `Connection` and the status line. A loop reuses the same `Response`
/// for every request, so that writing one usually allocates nothing.
package struct Response: Sendable {
    package var status: UInt16 = 200
    /// Header lines, each ending in CR LF.
    package private(set) var fields: [UInt8] = []
    package var body: [UInt8] = []
    /// The length of streamed content, if it is known. The stream must send exactly as many bytes, or be aborted.
    package var contentByteCount: Int?
    /// Whether to close the connection after this response.
    package var closesConnection = false

    package init() {
        fields.reserveCapacity(1_024)
        body.reserveCapacity(4_096)
    }

    package mutating func reset() {
        status = 200
        fields.removeAll(keepingCapacity: true)
        body.removeAll(keepingCapacity: true)
        closesConnection = false
        contentByteCount = nil
    }

    /// Appends whole header lines unchanged, each ending in CR LF.
    package mutating func addLines(_ lines: StaticString) {
        let spelled = unsafe UnsafeBufferPointer(start: lines.utf8Start, count: lines.utf8CodeUnitCount)
        unsafe fields.append(contentsOf: spelled)
    }

    /// Appends header lines that were encoded in advance, each ending in CR LF.
    package mutating func addLines(_ lines: [UInt8]) {
        fields.append(contentsOf: lines)
    }

    /// Appends one header line. Its start and its end were encoded in advance; the value is encoded as by
    /// ``addField(_:_:isAlwaysDistinct:)``.
    ///
    /// - Parameters:
    ///   - start: the name, the colon, and the beginning of the value.
    ///   - number: follows the value, after text of its own.
    ///   - end: the rest of the line, with its CR LF.
    package mutating func addLine(
        _ start: [UInt8], _ value: [UInt8], number: (text: StaticString, value: Int64)? = nil, _ end: [UInt8]
    ) {
        fields.append(contentsOf: start)
        let place = fields.count
        fields.append(contentsOf: value)
        encode(from: place, isAlwaysDistinct: false)
        if let number {
            addLines(number.text)
            fields.append(decimal: number.value)
        }
        fields.append(contentsOf: end)
    }

    /// Appends one header line. Bytes that a field value may not have (RFC 9110 §5.5), and all that are not ASCII, are
    /// percent-encoded, as is `%` itself if any were: no value can end the line.
    ///
    /// - Parameter isAlwaysDistinct: encodes every `%`, so that different values never look alike: one user's name must
    ///   not equal the encoding of another's.
    package mutating func addField(
        _ name: StaticString, _ value: some Sequence<UInt8>, isAlwaysDistinct: Bool = false
    ) {
        addLines(name)
        fields.append(UInt8(ascii: ":"))
        fields.append(UInt8(ascii: " "))
        let start = fields.count
        fields.append(contentsOf: value)
        encode(from: start, isAlwaysDistinct: isAlwaysDistinct)
        fields.append(UInt8(ascii: "\r"))
        fields.append(UInt8(ascii: "\n"))
    }

    /// Appends one header line whose value `write` appends; a field value may have all of its bytes.
    ///
    /// - Parameter start: the name, the colon and the space.
    package mutating func addPlainField(_ start: StaticString, _ write: (inout [UInt8]) -> Void) {
        addLines(start)
        let place = fields.count
        write(&fields)
        assert(fields.span.extracting(place...).isPrintable, "the value needs encoding: \(start)")
        fields.append(UInt8(ascii: "\r"))
        fields.append(UInt8(ascii: "\n"))
    }

    /// Encodes what has been appended from `start` on, if a field value may not have it.
    private mutating func encode(from start: Int, isAlwaysDistinct: Bool) {
        let isSafe =
            fields.span.extracting(start...).isPrintable
            && !(isAlwaysDistinct && fields[start...].contains(UInt8(ascii: "%")))
        guard !isSafe else { return }
        let raw = Array(fields[start...])
        fields.removeSubrange(start...)
        for byte in raw { appendEncoded(byte) }
    }

    private mutating func appendEncoded(_ octet: UInt8) {
        guard octet < 0x20 || octet >= 0x7f || octet == UInt8(ascii: "%") else { return fields.append(octet) }
        let digits: StaticString = "0123456789ABCDEF"
        fields.append(UInt8(ascii: "%"))
        unsafe fields.append(digits.utf8Start[Int(octet >> 4)])
        unsafe fields.append(digits.utf8Start[Int(octet & 15)])
    }
}
