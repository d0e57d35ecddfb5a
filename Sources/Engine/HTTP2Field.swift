import CNgHTTP2
import HTTP
import Octets

/// One field of an answer's head: where its name and value lie.
struct HTTP2Field {
    var name: Range<Int>
    var value: Range<Int>
    /// Never indexed, here or at anybody on the way (RFC 7541 §7.1.3).
    var isSensitive: Bool

    /// Spells an answer's head in the form of HTTP/2 (RFC 9113 §8.2): names in lower case, nothing about the connection.
    static func lay(
        _ response: borrowing Response, _ status: UInt16, _ context: AnswerWriter.Context, date: [UInt8],
        into octets: inout [UInt8], _ parts: inout [HTTP2Field]
    ) {
        octets.removeAll(keepingCapacity: true)
        parts.removeAll(keepingCapacity: true)
        add(":status", &octets, &parts) { $0.append(decimal: Int64(status)) }
        add("date", &octets, &parts) { $0.append(contentsOf: date) }
        add("x-content-type-options", &octets, &parts) { $0.append("nosniff") }
        if context.demandsTLS { add("strict-transport-security", &octets, &parts) { $0.append("max-age=31536000") } }
        addLines(response.fields, &octets, &parts)
        guard status != 204, status != 304 else { return }
        let byteCount = Int64(response.body.count)
        add("content-length", &octets, &parts) { $0.append(decimal: byteCount) }
    }

    private static func add(
        _ name: StaticString, _ octets: inout [UInt8], _ parts: inout [HTTP2Field], _ value: (inout [UInt8]) -> Void
    ) {
        let start = octets.count
        octets.append(name)
        let middle = octets.count
        value(&octets)
        parts.append(HTTP2Field(name: start..<middle, value: middle..<octets.count, isSensitive: false))
    }

    /// Lines as ``Response`` keeps them: each `Name: value` and CR LF.
    private static func addLines(_ lines: [UInt8], _ octets: inout [UInt8], _ parts: inout [HTTP2Field]) {
        let lines = lines.span
        var start = 0
        while start < lines.count {
            var colon = start
            while colon < lines.count, lines[colon] != .colon { colon &+= 1 }
            var end = colon
            while end < lines.count, lines[end] != .carriageReturn { end &+= 1 }
            guard end < lines.count else { return }
            let nameStart = octets.count
            octets.append(lines.extracting(start..<colon))
            let valueStart = octets.count
            octets.append(lines.extracting(min(colon &+ 2, end)..<end))
            let name = nameStart..<valueStart
            var spelled = octets.mutableSpan
            for index in name { spelled[index] = spelled[index].lowercased }
            parts.append(
                HTTP2Field(
                    name: name, value: valueStart..<octets.count,
                    isSensitive: isEqual(octets.span.extracting(name), "set-cookie")))
            start = end &+ 2
        }
    }

    /// The fields as libnghttp2 takes them, for the length of `body`; it copies what it keeps.
    static func withPairs(
        _ parts: [HTTP2Field], _ octets: [UInt8], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Int32
    ) -> Int32 {
        unsafe octets.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return -1 }
            return unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: parts.count) { pairs in
                for (index, part) in parts.enumerated() {
                    let flags = part.isSensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
                    unsafe pairs.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: UnsafeMutablePointer(mutating: base + part.name.lowerBound),
                            value: UnsafeMutablePointer(mutating: base + part.value.lowerBound),
                            namelen: part.name.count, valuelen: part.value.count, flags: UInt8(flags.rawValue)))
                }
                return unsafe body(UnsafeBufferPointer(pairs))
            }
        }
    }
}
