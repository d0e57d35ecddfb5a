import Glibc
import HTTP

/// A request of HTTP/2 as it comes in, laid out as a reader of HTTP/1.1 leaves one: octets, and where in them each part lies.
///
/// Used again for a later request, with the memory that it has.
struct HTTP2Message: ~Copyable {
    /// What `:authority` is called in HTTP/1.1. Every message's octets begin with it.
    private static let host: StaticString = "host"
    private static let hostName = 0..<4

    /// What a part that was taken in has made of the message.
    struct Standing {
        /// Refused although its framing is sound.
        var isFaulty: Bool
        var expectsContinue: Bool
        var contentByteCount: Int
        /// The memory that the message takes.
        var byteCount: Int
    }

    private var fault: RequestError?
    private var expectsContinue = false
    /// Names and values of the fields, the method, the target, one behind the other, and then the content; from ``end`` on
    /// whatever was there before.
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

    /// Forgets the request, and keeps the memory.
    mutating func clear() {
        fault = nil
        expectsContinue = false
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
            isFaulty: fault != nil, expectsContinue: expectsContinue, contentByteCount: end &- bodyStart,
            byteCount: octets.count)
    }

    /// Takes in one field of the head.
    mutating func take(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, _ limits: Limits) {
        guard fault == nil else { return }
        // RFC 9113 §6.5.2 counts 32 octets for each field.
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

    /// Fields that HTTP/1.1 has its first line for (RFC 9113 §8.3.1); libnghttp2 lets no others pass.
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
            // Crumbs of one field (RFC 9113 §8.2.3).
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

    /// The head is complete: checks what HTTP/1.1 checks, and puts what is spelled differently there into that form.
    mutating func finishHead(_ limits: Limits) -> Standing {
        if !cookies.isEmpty { joinCookies() }
        if fault == nil { checkHost() }
        if fault == nil, target.count > limits.targetByteCountMax { fault = .targetTooLong }
        if fault == nil, contentTypeCount > 1 { fault = .malformedField }
        bodyStart = end
        return standing
    }

    mutating func takeContent(_ content: UnsafeBufferPointer<UInt8>, _ limits: Limits) -> Standing {
        if fault == nil {
            if end &- bodyStart + content.count <= limits.bodyByteCountMax {
                _ = unsafe add(content)
            } else {
                fault = .bodyTooLarge
            }
        }
        return standing
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

    /// `:authority` is what Host is in HTTP/1.1; a request in which they differ is refused (RFC 9113 §8.3.1).
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

    /// Whether the octets at `range` are `text`.
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
    /// Lays the request out as a reader of HTTP/1.1 would have.
    /// - Throws: for a method or a target that is refused there, too.
    func fill(_ request: inout Request) throws(RequestError) {
        if let fault { throw fault }
        guard end <= request.bytes.count else { throw .bodyTooLarge }
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
