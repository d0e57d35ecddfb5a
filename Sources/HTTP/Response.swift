/// One answer being written: a status, header lines and content, without anything that belongs to the connection.
///
/// The engine adds `Date`, `Content-Length`, `Connection` and the status line. A loop fills the same `Response` again for
/// every request, so in steady state writing one allocates nothing.
package struct Response: Sendable {
    package var status: UInt16 = 200
    /// Header lines, each ending in CR LF.
    package private(set) var fields: [UInt8] = []
    package var body: [UInt8] = []
    /// Close the connection once this is sent.
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
    }

    /// Adds whole header lines as they stand, each ending in CR LF.
    package mutating func addLines(_ lines: StaticString) {
        let spelled = unsafe UnsafeBufferPointer(start: lines.utf8Start, count: lines.utf8CodeUnitCount)
        unsafe fields.append(contentsOf: spelled)
    }

    /// Adds lines that were spelled once for many answers, each ending in CR LF.
    package mutating func addLines(_ lines: [UInt8]) {
        fields.append(contentsOf: lines)
    }

    /// Adds one header line. Octets that a field value may not hold (RFC 9110 §5.5), and all that is not ASCII, are
    /// percent-encoded, as is `%` itself where any had to be: no value can end the line.
    ///
    /// - Parameter isAlwaysDistinct: encodes every `%`, so that no two values look alike: what names somebody must not be
    ///   spelled like the encoding of somebody else's name.
    package mutating func addField(
        _ name: StaticString, _ value: some Sequence<UInt8>, isAlwaysDistinct: Bool = false
    ) {
        addLines(name)
        fields.append(UInt8(ascii: ":"))
        fields.append(UInt8(ascii: " "))
        let start = fields.count
        fields.append(contentsOf: value)
        let isSafe = fields[start...].allSatisfy { octet in
            octet >= 0x20 && octet < 0x7f && !(isAlwaysDistinct && octet == UInt8(ascii: "%"))
        }
        if !isSafe {
            let raw = Array(fields[start...])
            fields.removeSubrange(start...)
            for octet in raw { appendEncoded(octet) }
        }
        fields.append(UInt8(ascii: "\r"))
        fields.append(UInt8(ascii: "\n"))
    }

    private mutating func appendEncoded(_ octet: UInt8) {
        guard octet < 0x20 || octet >= 0x7f || octet == UInt8(ascii: "%") else { return fields.append(octet) }
        let digits: StaticString = "0123456789ABCDEF"
        fields.append(UInt8(ascii: "%"))
        unsafe fields.append(digits.utf8Start[Int(octet >> 4)])
        unsafe fields.append(digits.utf8Start[Int(octet & 15)])
    }
}
