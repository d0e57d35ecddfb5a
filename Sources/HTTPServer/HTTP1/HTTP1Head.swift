import HTTP

/// What the field lines of one message say about the connection and about where the message ends.
struct HTTP1Head: Sendable {
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    /// What the last Transfer-Encoding line left (RFC 9112 §6.1).
    private enum Coding: UInt8 {
        case none
        /// `chunked` and nothing else.
        case chunked
        /// Others, with `chunked` last.
        case chunkedLast
        case other
    }

    var isVersion10 = false
    var fieldCount = 0
    /// From the start of the message; empty unless the target is in absolute form.
    var authority = 0..<0
    private(set) var expectsContinue = false
    private var host: Range<Int>?
    private var length: Int?
    private var coding = Coding.none
    private var hasContentType = false
    private var saysClose = false
    private var saysKeepAlive = false

    var isChunked: Bool { coding == .chunked }

    /// Whether the peer wants the connection to end with this message (RFC 9112 §9.3).
    var closes: Bool { saysClose || (isVersion10 && !saysKeepAlive) }

    /// How the content is delimited, after everything that makes a message ambiguous has been refused (RFC 9112 §6.3).
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
        guard length <= limits.bodyByteCountMax else { throw .bodyTooLarge }
        return .length(length)
    }

    /// Takes in one line. Only names that decide something here are told apart, by their length first.
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
            // Two readers could take the first or the last.
            guard !hasContentType else { throw .malformedField }
            hasContentType = true
        } else if isEqual(name, "expect"), !isVersion10 {
            guard isEqual(value, "100-continue") else { throw .expectationFailed }
            expectsContinue = true
        }
    }

    /// RFC 9112 §3.2.2 has the target's authority replace Host; a message in which they differ is refused instead.
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
            // Chunked twice, or anything after it, has no last chunk that all would agree on.
            if isLast { isRepeated = true }
            isLast = isEqual(element, "chunked")
        }
        coding = isLast && !isRepeated ? .chunkedLast : .other
    }

    /// Hands out the elements of a comma-separated list (RFC 9110 §5.6.1), trimmed; empty ones too.
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

    /// Digits only: no sign, no list, no white space (RFC 9110 §8.6). Saturates instead of overflowing.
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

    /// A trailer may not say anything about framing, routing or the connection (RFC 9110 §6.5.1).
    static func checkTrailer(_ line: FieldLine, in bytes: Span<UInt8>) throws(RequestError) {
        let name = bytes.extracting(line.name)
        let forbidden: [StaticString] = [
            "content-length", "transfer-encoding", "host", "connection", "content-type", "authorization", "cookie",
            "expect", "trailer", "te", "upgrade",
        ]
        for refused in forbidden where isEqual(name, refused) { throw .malformedField }
    }
}
