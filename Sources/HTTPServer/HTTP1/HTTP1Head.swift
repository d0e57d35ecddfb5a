import HTTP

/// What the field lines of one message say about the connection and about where the message ends.
struct HTTP1Head: Sendable {
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    /// The result of the last Transfer-Encoding line (RFC 9112 §6.1).
    private enum Coding: UInt8 {
        case none
        /// `chunked` alone.
        case chunked
        /// Other codings followed by `chunked`.
        case chunkedLast
        case other
    }

    var isVersion10 = false
    var fieldCount = 0
    /// The range relative to the start of the message; empty unless the target is in absolute form.
    var authority = 0..<0
    private(set) var expectsContinue = false
    private var host: Range<Int>?
    private var length: Int?
    private var coding = Coding.none
    private var hasContentType = false
    private var saysClose = false
    private var saysKeepAlive = false

    var isChunked: Bool { coding == .chunked }

    /// Whether the connection closes after this message (RFC 9112 §9.3).
    var closes: Bool { saysClose || (isVersion10 && !saysKeepAlive) }

    /// Returns how the content is delimited, and rejects every message whose framing is ambiguous (RFC 9112 §6.3).
    ///
    /// - Throws: `.hostMissingOrRepeated`, `.ambiguousFraming`, `.codingUnsupported` or `.bodyTooLarge`.
    func framing(_ limits: HTTP1Limits) throws(RequestError) -> Framing {
        guard host != nil || isVersion10 else { throw .hostMissingOrRepeated }
        if coding != .none {
            guard length == nil, !isVersion10 else { throw .ambiguousFraming }
            switch coding {
            case .chunked, .none: return .chunked
            case .chunkedLast: throw .codingUnsupported
            case .other: throw .ambiguousFraming
            }
        }
        guard let length, length > 0 else { return .none }
        guard length <= limits.largeBodyByteCountMax else { throw .bodyTooLarge }
        return .length(length)
    }

    /// Processes one field line. Names are compared only if a relevant name has the same length.
    @inline(__always)
    mutating func note(_ line: FieldLine, in bytes: Span<UInt8>, base: Int) throws(RequestError) {
        switch line.name.count {
        case 4, 6, 10, 12, 14, 17: try noteNamed(line, in: bytes, base: base)
        default: break
        }
    }

    private mutating func noteNamed(_ line: FieldLine, in bytes: Span<UInt8>, base: Int) throws(RequestError) {
        let name = bytes.extracting(line.name)
        let value = bytes.extracting(line.value)
        if isEqual(name, "host") {
            guard host == nil, isAuthority(value) else { throw .hostMissingOrRepeated }
            host = (line.value.lowerBound &- base)..<(line.value.upperBound &- base)
            try checkAuthority(value, in: bytes, base: base)
        } else if isEqual(name, "connection") {
            noteConnection(value)
        } else if isEqual(name, "content-length") {
            guard length == nil else { throw .ambiguousFraming }
            length = try HTTP1Head.decimal(value)
        } else if isEqual(name, "transfer-encoding") {
            noteCoding(value)
        } else if isEqual(name, "content-type") {
            // One reader could use the first value and another the last.
            guard !hasContentType else { throw .malformedField }
            hasContentType = true
        } else if isEqual(name, "expect"), !isVersion10 {
            guard isEqual(value, "100-continue") else { throw .expectationFailed }
            expectsContinue = true
        }
    }

    /// RFC 9112 §3.2.2 lets the authority of the target replace Host; a message in which the two differ is rejected
    /// instead.
    private func checkAuthority(_ host: Span<UInt8>, in bytes: Span<UInt8>, base: Int) throws(RequestError) {
        guard !authority.isEmpty else { return }
        guard authority.count == host.count else { throw .hostMissingOrRepeated }
        for index in host.indices {
            let other = bytes[base &+ authority.lowerBound &+ index]
            guard host[index].lowercased == other.lowercased else { throw .hostMissingOrRepeated }
        }
    }

    private mutating func noteConnection(_ value: Span<UInt8>) {
        HTTP1Head.forEachElement(of: value) { element in
            if isEqual(element, "close") { saysClose = true }
            if isEqual(element, "keep-alive") { saysKeepAlive = true }
        }
    }

    private mutating func noteCoding(_ value: Span<UInt8>) {
        if coding == .none, isEqual(value, "chunked") {
            coding = .chunked
            return
        }
        var isLast = false
        var isRepeated = coding == .chunked || coding == .chunkedLast
        HTTP1Head.forEachElement(of: value) { element in
            // If chunked is repeated or followed by another coding, readers can disagree about the last chunk.
            if isLast { isRepeated = true }
            isLast = isEqual(element, "chunked")
        }
        coding = isLast && !isRepeated ? .chunkedLast : .other
    }

    /// Calls `body` with each element of a comma-separated list (RFC 9110 §5.6.1), trimmed, including empty elements.
    private static func forEachElement(of value: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ",") { end &+= 1 }
            var (first, last) = (start, end)
            while first < last, value[first] == .space || value[first] == .tab { first &+= 1 }
            while first < last, value[last &- 1] == .space || value[last &- 1] == .tab { last &-= 1 }
            body(value.extracting(first..<last))
            start = end &+ 1
        }
    }

    /// Parses digits only: no sign, no list, no white space (RFC 9110 §8.6). The result saturates instead of
    /// overflowing.
    private static func decimal(_ value: Span<UInt8>) throws(RequestError) -> Int {
        guard !value.isEmpty else { throw .ambiguousFraming }
        var result = 0
        for index in value.indices {
            let octet = value[index]
            guard octet >= UInt8(ascii: "0"), octet <= UInt8(ascii: "9") else { throw .ambiguousFraming }
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            result = overflow || product > Int.max &- 9 ? Int.max / 16 : product &+ Int(octet &- UInt8(ascii: "0"))
        }
        return result
    }

    /// Rejects a trailer field that concerns framing, routing or the connection (RFC 9110 §6.5.1).
    static func checkTrailer(_ line: FieldLine, in bytes: Span<UInt8>) throws(RequestError) {
        let name = bytes.extracting(line.name)
        let forbidden: [StaticString] = [
            "content-length", "transfer-encoding", "host", "connection", "content-type", "authorization", "cookie",
            "expect", "trailer", "te", "upgrade",
        ]
        for refused in forbidden where isEqual(name, refused) { throw .malformedField }
    }
}
