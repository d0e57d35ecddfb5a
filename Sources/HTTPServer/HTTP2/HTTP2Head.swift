import CNgHTTP2
import Encoding
import Glibc
import HTTP

/// The head of a response in HTTP/2 form (RFC 9113 §8.2): lowercase names and no connection-specific fields.
///
/// Each loop has one. Most consecutive responses differ only in their length, so the other fields are kept.
struct HTTP2Head {
    /// Where the name and the value of a field are.
    private struct Part {
        var name: Range<Int>
        var value: Range<Int>
        /// Whether neither the server nor an intermediary may index the field (RFC 7541 §7.1.3).
        var isSensitive: Bool
    }

    private var octets: [UInt8] = []
    private var parts: [Part] = []
    /// The inputs of the current fields, except the length.
    private var status: UInt16 = 0
    private var date: [UInt8] = []
    private var demandsTLS = false
    private var lines: [UInt8] = []
    /// Where the length begins, and how many fields precede it.
    private var steady = (octets: 0, parts: 0)
    private var contentLength: Int?

    /// The interim response 100 Continue (RFC 9110 §15.2.1).
    static let goOn: Self = {
        var head = Self()
        head.add(":status") { $0.append("100") }
        return head
    }()

    /// Builds the fields of a response.
    ///
    /// - Parameter status: the status to send for ``Response/status``.
    mutating func lay(
        _ response: borrowing Response, _ status: UInt16, _ context: ResponseWriter.Context, date: [UInt8]
    ) {
        let byteCount = context.isStreamed ? response.contentByteCount : response.body.count
        let contentLength = status == 204 || status == 304 ? nil : byteCount
        if status != self.status || context.demandsTLS != demandsTLS || date != self.date
            || !Self.isSame(lines, response.fields)
        {
            self.status = status
            self.date = date
            demandsTLS = context.demandsTLS
            lines.removeAll(keepingCapacity: true)
            lines.append(contentsOf: response.fields)
            laySteady()
        } else if contentLength == self.contentLength {
            return
        }
        octets.removeSubrange(steady.octets...)
        parts.removeSubrange(steady.parts...)
        self.contentLength = contentLength
        if let contentLength { add("content-length") { $0.append(decimal: Int64(contentLength)) } }
    }

    private mutating func laySteady() {
        octets.removeAll(keepingCapacity: true)
        parts.removeAll(keepingCapacity: true)
        let (status, date) = (status, date)
        add(":status") { $0.append(decimal: Int64(status)) }
        add("date") { $0.append(contentsOf: date) }
        add("x-content-type-options") { $0.append("nosniff") }
        if demandsTLS { add("strict-transport-security") { $0.append("max-age=31536000") } }
        addLines()
        steady = (octets.count, parts.count)
    }

    private mutating func add(_ name: StaticString, _ value: (inout [UInt8]) -> Void) {
        let start = octets.count
        octets.append(name)
        let middle = octets.count
        value(&octets)
        parts.append(Part(name: start..<middle, value: middle..<octets.count, isSensitive: false))
    }

    /// Appends the lines of ``Response``: each is `Name: value` and CR LF.
    private mutating func addLines() {
        // This adds a reference, not a copy. A span of the own array would keep exclusive access to all of `self`.
        let spelled = self.lines
        let lines = spelled.span
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
            var mutable = octets.mutableSpan
            for index in name { mutable[index] = mutable[index].lowercased }
            parts.append(
                Part(
                    name: name, value: valueStart..<octets.count,
                    isSensitive: isEqual(octets.span.extracting(name), "set-cookie")))
            start = end &+ 2
        }
    }

    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let start = left.baseAddress, let other = right.baseAddress else { return true }
                return unsafe memcmp(start, other, left.count) == 0
            }
        }
    }

    /// Calls `body` with the fields in the form that libnghttp2 expects. The pointers are valid only during the call;
    /// libnghttp2 copies what it needs.
    func withPairs(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Int32) -> Int32 {
        unsafe octets.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return -1 }
            return unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: parts.count) { pairs in
                for index in parts.indices {
                    let part = parts[index]
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
