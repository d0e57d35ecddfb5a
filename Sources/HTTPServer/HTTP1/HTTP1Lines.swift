import HTTP

/// The limits of the message reader, small enough for every connection to keep a copy.
struct HTTP1Limits: Sendable {
    private let target: UInt32
    private let head: UInt32
    private let fields: UInt32
    private let body: UInt32
    private let largeBody: UInt32
    private let chunks: UInt32

    init(_ limits: Limits) {
        target = UInt32(clamping: limits.targetByteCountMax)
        head = UInt32(clamping: limits.headByteCountMax)
        fields = UInt32(clamping: limits.fieldCountMax)
        body = UInt32(clamping: limits.bodyByteCountMax)
        largeBody = UInt32(clamping: max(limits.bodyByteCountMax, limits.largeBodyByteCountMax))
        chunks = UInt32(clamping: limits.chunkOverheadMax)
    }

    var targetByteCountMax: Int { Int(target) }
    var headByteCountMax: Int { Int(head) }
    var fieldCountMax: Int { Int(fields) }
    var bodyByteCountMax: Int { Int(body) }
    var largeBodyByteCountMax: Int { Int(largeBody) }
    var chunkOverheadMax: Int { Int(chunks) }
}

/// A request line (RFC 9112 §3).
struct RequestLine {
    private static let methodByteCountMax = 32
    /// `HTTP/1.1` as a little-endian integer.
    private static let usualVersion: UInt64 = 0x312e_312f_5054_5448

    var method: Method
    var path = 0..<0
    var query = 0..<0
    /// The authority; empty unless the target is in absolute form.
    var authority = 0..<0
    var isVersion10: Bool
    var end: Int

    private init(method: Method, isVersion10: Bool, end: Int) {
        self.method = method
        self.isVersion10 = isVersion10
        self.end = end
    }

    /// Parses the line at `first`, after at most one empty line (RFC 9112 §2.2).
    ///
    /// - Returns: nil if the line is incomplete.
    static func read(
        _ bytes: Span<UInt8>, from first: Int, to end: Int, _ limits: HTTP1Limits
    ) throws(RequestError) -> RequestLine? {
        var start = first
        if bytes[start] == .carriageReturn {
            guard start &+ 1 < end else { return nil }
            guard bytes[start &+ 1] == .lineFeed else { throw .malformedRequestLine }
            start &+= 2
        }
        var index = start
        while index < end, ByteClass.token(bytes[index]) != 0 { index &+= 1 }
        guard index &- start <= methodByteCountMax else { throw .malformedRequestLine }
        guard index < end else { return nil }
        guard bytes[index] == .space, index > start else { throw .malformedRequestLine }
        let name = start..<index

        let targetStart = index &+ 1
        var queryStart: Int?
        index = targetStart
        while index < end {
            let octet = bytes[index]
            guard octet > 0x20, octet < 0x7f, octet != UInt8(ascii: "#") else { break }
            if octet == UInt8(ascii: "?"), queryStart == nil { queryStart = index }
            index &+= 1
        }
        guard index &- targetStart <= limits.targetByteCountMax else { throw .targetTooLong }
        guard index < end else { return nil }
        guard bytes[index] == .space, index > targetStart else { throw .malformedRequestLine }
        guard let version = try readVersion(bytes, from: index &+ 1, to: end) else { return nil }

        var line = RequestLine(
            method: method(bytes.extracting(name)), isVersion10: version.isVersion10, end: version.end)
        try line.split(bytes, targetStart..<index, queryStart: queryStart)
        return line
    }

    /// Parses a method and a target that arrived separately, as in HTTP/2 (RFC 9113 §8.3.1), which has no absolute
    /// form.
    init(_ bytes: Span<UInt8>, method name: Range<Int>, target: Range<Int>) throws(RequestError) {
        guard !name.isEmpty, name.count <= Self.methodByteCountMax, !target.isEmpty else { throw .malformedRequestLine }
        var index = name.lowerBound
        while index < name.upperBound {
            guard ByteClass.token(bytes[index]) != 0 else { throw .malformedRequestLine }
            index &+= 1
        }
        self.init(method: Self.method(bytes.extracting(name)), isVersion10: false, end: target.upperBound)
        guard let queryStart = Self.scanTarget(bytes, target) else { throw .malformedRequestLine }
        let isStar = method == .options && target.count == 1 && bytes[target.lowerBound] == UInt8(ascii: "*")
        guard isStar || bytes[target.lowerBound] == UInt8(ascii: "/") else { throw .malformedRequestLine }
        try split(bytes, target, queryStart: queryStart < target.upperBound ? queryStart : nil)
    }

    /// Validates the bytes of the target.
    ///
    /// - Returns: the index of the question mark of the query, or the end of the target; nil if the target contains an
    ///   invalid byte.
    private static func scanTarget(_ bytes: Span<UInt8>, _ target: Range<Int>) -> Int? {
        var queryStart = target.upperBound
        for index in target {
            let octet = bytes[index]
            guard octet > 0x20, octet < 0x7f, octet != UInt8(ascii: "#") else { return nil }
            if octet == UInt8(ascii: "?"), queryStart == target.upperBound { queryStart = index }
        }
        return queryStart
    }

    /// Returns the method, checking the two most common ones first.
    private static func method(_ name: Span<UInt8>) -> Method {
        if name.count == 3, name[0] == UInt8(ascii: "G"), name[1] == UInt8(ascii: "E"), name[2] == UInt8(ascii: "T") {
            return .get
        }
        if name.count == 4, name[0] == UInt8(ascii: "P"), name[1] == UInt8(ascii: "O"), name[2] == UInt8(ascii: "S"),
            name[3] == UInt8(ascii: "T")
        {
            return .post
        }
        return Method(name)
    }

    private static func readVersion(
        _ bytes: Span<UInt8>, from start: Int, to end: Int
    ) throws(RequestError) -> (isVersion10: Bool, end: Int)? {
        if start &+ 10 <= end {
            // Compares the most common version as one integer. The load is checked against the bounds of the span, and
            // any bytes form a valid integer.
            let loaded = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
            if UInt64(littleEndian: loaded) == usualVersion, bytes[start &+ 8] == .carriageReturn,
                bytes[start &+ 9] == .lineFeed
            {
                return (false, start &+ 10)
            }
        }
        let pattern: StaticString = "HTTP/#.#\r\n"
        var digits: (major: UInt8, minor: UInt8) = (0, 0)
        for offset in 0..<10 {
            let index = start &+ offset
            guard index < end else { return nil }
            let octet = bytes[index]
            if offset == 5 || offset == 7 {
                guard octet >= UInt8(ascii: "0"), octet <= UInt8(ascii: "9") else { throw .malformedRequestLine }
                if offset == 5 { digits.major = octet } else { digits.minor = octet }
            } else {
                let expected = unsafe pattern.utf8Start[offset]
                guard octet == expected else { throw .malformedRequestLine }
            }
        }
        switch digits {
        case (UInt8(ascii: "1"), UInt8(ascii: "1")): return (false, start &+ 10)
        case (UInt8(ascii: "1"), UInt8(ascii: "0")): return (true, start &+ 10)
        default: throw .versionUnsupported
        }
    }

    /// Splits the target (RFC 9112 §3.2): origin form, absolute form of http and https, and `*` for OPTIONS.
    private mutating func split(_ bytes: Span<UInt8>, _ target: Range<Int>, queryStart: Int?) throws(RequestError) {
        guard method != .connect else { throw .malformedRequestLine }
        let pathEnd = queryStart ?? target.upperBound
        query = queryStart.map { ($0 &+ 1)..<target.upperBound } ?? target.upperBound..<target.upperBound
        if bytes[target.lowerBound] == UInt8(ascii: "/") {
            path = target.lowerBound..<pathEnd
            return
        }
        if method == .options, target.count == 1, bytes[target.lowerBound] == UInt8(ascii: "*") {
            path = target
            return
        }
        guard let start = schemeEnd(bytes, target) else { throw .malformedRequestLine }
        var slash = start
        while slash < pathEnd, bytes[slash] != UInt8(ascii: "/") { slash &+= 1 }
        authority = start..<slash
        guard isAuthority(bytes.extracting(authority)) else { throw .malformedRequestLine }
        // An absent path is `/` (RFC 9110 §4.2.3); the path then refers to the second slash of the scheme.
        path = slash < pathEnd ? slash..<pathEnd : (start &- 1)..<start
    }

    private func schemeEnd(_ bytes: Span<UInt8>, _ target: Range<Int>) -> Int? {
        for scheme: StaticString in ["http://", "https://"] where isPrefix(scheme, of: bytes.extracting(target)) {
            return target.lowerBound &+ scheme.utf8CodeUnitCount
        }
        return nil
    }
}

/// Returns whether `octets` begin with `text`, ignoring ASCII case. `text` must be lowercase.
func isPrefix(_ text: StaticString, of octets: Span<UInt8>) -> Bool {
    guard octets.count >= text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount {
        let letter = unsafe text.utf8Start[index]
        guard octets[index].lowercased == letter else { return false }
    }
    return true
}

/// Returns whether `octets` equal `text`, ignoring ASCII case. `text` must be lowercase.
func isEqual(_ octets: Span<UInt8>, _ text: StaticString) -> Bool {
    octets.count == text.utf8CodeUnitCount && isPrefix(text, of: octets)
}

/// Returns whether `octets` are a host with an optional port and nothing else: no user, no path (RFC 9110 §7.2).
///
/// A name has at most 253 bytes (RFC 1035 §2.3.4), a port at most five, and brackets enclose an IPv6 address.
func isAuthority(_ octets: Span<UInt8>) -> Bool {
    guard !octets.isEmpty, octets.count <= 259, octets[0] != .colon else { return false }
    var colon: Int?
    var bracket: Int?
    for index in octets.indices {
        let octet = octets[index]
        guard ByteClass.isAuthority(octet) else { return false }
        switch octet {
        case UInt8(ascii: "["): guard index == 0 else { return false }
        case UInt8(ascii: "]"):
            guard octets[0] == UInt8(ascii: "["), bracket == nil, index > 1 else { return false }
            bracket = index
        case .colon where octets[0] != UInt8(ascii: "[") || bracket != nil:
            guard colon == nil, bracket.map({ index == $0 &+ 1 }) ?? true else { return false }
            colon = index
        default:
            if colon != nil || bracket != nil {
                guard colon != nil, octet >= UInt8(ascii: "0"), octet <= UInt8(ascii: "9") else { return false }
            }
        }
    }
    if let colon, octets.count &- colon > 6 { return false }
    if let bracket { return PeerAddress(node: octets.extracting(0...bracket)) != nil }
    return octets[0] != UInt8(ascii: "[") && (colon ?? octets.count) <= 253
}
