import Glibc
import HTTP

/// An HTTP/2 request as it arrives, in the same layout that ``HTTP1Reader`` produces: bytes, and the range of each
/// part.
///
/// The memory is reused for a later request.
struct HTTP2Message: ~Copyable {
    /// The HTTP/1.1 name of `:authority`. The bytes of every message begin with it.
    private static let host: StaticString = "host"
    private static let hostName = 0..<4

    /// The state of the message after a part was added.
    struct Standing {
        /// Whether the request is rejected although its framing is valid.
        var isFaulty: Bool
        var expectsContinue: Bool
        /// Whether the content exceeds the usual limit and waits for ``allow(contentByteCount:_:)``.
        var asksForRoom: Bool
        var contentByteCount: Int
        /// The number of bytes of memory that the message uses.
        var byteCount: Int
    }

    private var fault: RequestError?
    private var expectsContinue = false
    private var asksForRoom = false
    /// The limit that ``allow(contentByteCount:_:)`` has set.
    private var allowedByteCount: Int?
    /// Names and values of the fields, the method and the target, one after another, followed by the content. The bytes
    /// from ``end`` on are unused.
    private var octets: [UInt8]
    private var end = Self.hostName.upperBound
    private var fields: [Request.Field] = []
    private var method = 0..<0
    private var target = 0..<0
    private var authority = 0..<0
    private var hostValue = 0..<0
    private var hostCount = 0
    private var contentTypeCount = 0
    private var cookies: [Range<Int>] = []
    private var bodyStart = 0
    private var listByteCount = 0

    init() {
        octets = unsafe Array(UnsafeBufferPointer(start: Self.host.utf8Start, count: Self.hostName.count))
        octets.append(contentsOf: repeatElement(0, count: 508))
        fields.reserveCapacity(8)
    }

    /// Clears the request and keeps its memory.
    mutating func clear() {
        fault = nil
        expectsContinue = false
        asksForRoom = false
        allowedByteCount = nil
        end = Self.hostName.upperBound
        fields.removeAll(keepingCapacity: true)
        (method, target, authority, hostValue) = (0..<0, 0..<0, 0..<0, 0..<0)
        hostCount = 0
        contentTypeCount = 0
        cookies.removeAll(keepingCapacity: true)
        bodyStart = 0
        listByteCount = 0
    }

    var standing: Standing {
        Standing(
            isFaulty: fault != nil, expectsContinue: expectsContinue, asksForRoom: asksForRoom,
            contentByteCount: end &- bodyStart, byteCount: octets.count)
    }

    /// Adds one field of the head.
    mutating func take(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, _ limits: Limits) {
        guard fault == nil else { return }
        // RFC 9113 §6.5.2 counts 32 bytes of overhead per field.
        listByteCount += name.count + value.count + 32
        guard listByteCount <= limits.headByteCountMax, fields.count + cookies.count < limits.fieldCountMax else {
            fault = .headTooLarge
            return
        }
        if unsafe name.first == .colon {
            unsafe takeControl(name, value)
        } else {
            unsafe takeField(name, value)
        }
    }

    /// Processes a pseudo-header field (RFC 9113 §8.3.1); libnghttp2 rejects unknown ones.
    private mutating func takeControl(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        switch name.count {
        case 5: if unsafe spells(name, ":path") { unsafe target = add(value) }
        case 7: if unsafe spells(name, ":method") { unsafe method = add(value) }
        case 10: if unsafe spells(name, ":authority") { unsafe authority = add(value) }
        default: break
        }
    }

    private mutating func takeField(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        let field = unsafe Request.Field(name: add(name), value: trimmed(add(value)))
        switch name.count {
        case 4:
            guard unsafe spells(name, Self.host) else { break }
            hostCount += 1
            hostValue = field.value
        case 6:
            // Cookie fields are joined later (RFC 9113 §8.2.3).
            if unsafe spells(name, "cookie") { return cookies.append(field.value) }
            guard unsafe spells(name, "expect") else { break }
            guard holds(field.value, "100-continue") else {
                fault = .expectationFailed
                return
            }
            expectsContinue = true
        case 12: if unsafe spells(name, "content-type") { contentTypeCount += 1 }
        default: break
        }
        fields.append(field)
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (first, last) = (range.lowerBound, range.upperBound)
        while first < last, octets[first] == .space || octets[first] == .tab { first &+= 1 }
        while first < last, octets[last &- 1] == .space || octets[last &- 1] == .tab { last &-= 1 }
        return first..<last
    }

    /// Completes the head: applies the checks of HTTP/1.1 and converts the fields to the form that HTTP/1.1 uses.
    mutating func finishHead(_ limits: Limits) -> Standing {
        if !cookies.isEmpty { joinCookies() }
        if fault == nil { checkHost() }
        if fault == nil, target.count > limits.targetByteCountMax { fault = .targetTooLong }
        if fault == nil, contentTypeCount > 1 { fault = .malformedField }
        bodyStart = end
        return standing
    }

    mutating func takeContent(_ content: UnsafeBufferPointer<UInt8>, _ limits: Limits) -> Standing {
        guard fault == nil else { return standing }
        let total = end &- bodyStart + content.count
        if total <= allowedByteCount ?? limits.bodyByteCountMax {
            _ = unsafe add(content)
        } else if allowedByteCount == nil, total <= limits.largeBodyByteCountMax {
            // The window of the stream ends one byte after the limit, so little more can arrive before the decision.
            asksForRoom = true
            _ = unsafe add(content)
        } else {
            fault = .bodyTooLarge
        }
        return standing
    }

    /// Whether it may have more content than most.
    var isLarge: Bool { allowedByteCount != nil && fault == nil }

    /// Decides about content that exceeds the usual limit.
    ///
    /// - Returns: how many bytes it may have, or nil if that is no more than the usual limit. The request is then
    ///   rejected.
    mutating func allow(contentByteCount: Int, _ limits: Limits) -> Int? {
        asksForRoom = false
        let allowed = min(contentByteCount, limits.largeBodyByteCountMax)
        guard allowed > limits.bodyByteCountMax, end &- bodyStart <= allowed else {
            fault = fault ?? .bodyTooLarge
            return nil
        }
        allowedByteCount = allowed
        return allowed
    }

    private mutating func joinCookies() {
        let name = add("cookie")
        let start = end
        for (index, cookie) in cookies.enumerated() {
            if index > 0 { _ = add("; ") }
            let crumb = Array(octets[cookie])
            _ = unsafe crumb.withUnsafeBufferPointer { unsafe add($0) }
        }
        fields.append(Request.Field(name: name, value: start..<end))
        cookies.removeAll(keepingCapacity: true)
    }

    /// Rejects a request whose `:authority` and Host differ (RFC 9113 §8.3.1).
    private mutating func checkHost() {
        guard hostCount <= 1 else { return fault = .hostMissingOrRepeated }
        if authority.isEmpty {
            if hostCount == 0 || !isHost(hostValue) { fault = .hostMissingOrRepeated }
            return
        }
        guard isHost(authority) else { return fault = .hostMissingOrRepeated }
        guard hostCount == 1 else {
            return fields.append(Request.Field(name: Self.hostName, value: authority))
        }
        let isSame = octets[hostValue].elementsEqual(octets[authority]) { $0.lowercased == $1.lowercased }
        if !isSame { fault = .hostMissingOrRepeated }
    }

    private func isHost(_ range: Range<Int>) -> Bool {
        isAuthority(octets.span.extracting(range))
    }

    /// Returns whether the bytes at `range` equal `text`.
    private func holds(_ range: Range<Int>, _ text: StaticString) -> Bool {
        unsafe octets.withUnsafeBufferPointer { unsafe spells(UnsafeBufferPointer(rebasing: $0[range]), text) }
    }

    private func spells(_ part: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard part.count == text.utf8CodeUnitCount, let start = part.baseAddress else { return false }
        return unsafe memcmp(start, text.utf8Start, part.count) == 0
    }

    private mutating func add(_ text: StaticString) -> Range<Int> {
        unsafe add(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func add(_ part: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        let start = end
        let room = octets.count &- start
        if room < part.count {
            octets.append(contentsOf: repeatElement(0, count: max(part.count &- room, octets.count)))
        }
        unsafe octets.withUnsafeMutableBytes { all in
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: all[start...])
            unsafe rest.copyMemory(from: UnsafeRawBufferPointer(part))
        }
        end = start &+ part.count
        return start..<end
    }
}

extension HTTP2Message {
    /// Fills in the request as ``HTTP1Reader`` would.
    ///
    /// - Throws: for a method or a target that HTTP/1.1 rejects too.
    func fill(_ request: inout Request) throws(RequestError) {
        if let fault { throw fault }
        request.makeRoom(byteCount: end)
        let line = try RequestLine(octets.span.extracting(0..<end), method: method, target: target)
        unsafe request.bytes.withUnsafeMutableBytes { room in
            unsafe octets.withUnsafeBytes { unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
        }
        request.method = line.method
        request.path = line.path
        request.query = line.query
        request.fields.removeAll(keepingCapacity: true)
        request.fields.append(contentsOf: fields)
        request.body = bodyStart..<end
    }
}
