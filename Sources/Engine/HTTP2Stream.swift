import HTTP

/// One request of an HTTP/2 connection, as it comes in, and the content of its answer as it goes out.
final class HTTP2Stream {
    enum Stage {
        case receiving
        /// Complete; the handler has it or will have it.
        case asked
        /// The answer is under way.
        case answering
    }

    let id: Int32
    var stage = Stage.receiving
    /// Why the request is refused although its framing is sound.
    var fault: WireFault?
    /// Whether the request's header fields are complete; what follows in fields is trailers.
    var hasHead = false
    var expectsContinue = false
    var isHead = false
    /// Answered before it was complete.
    var isCutShort = false
    /// Names and values of the fields, the method, the target, one behind the other, and then the content.
    private(set) var octets: [UInt8] = []
    private(set) var fields: [Request.Field] = []
    private(set) var method = 0..<0
    private(set) var target = 0..<0
    private(set) var authority = 0..<0
    private var cookies: [Range<Int>] = []
    private(set) var bodyStart = 0
    /// Of the connection's window, not yet given back.
    var unconsumed = 0
    /// When the request must be complete, or by when the peer must take some of the answer.
    var deadline: Int64
    /// When the content, or the answer, began.
    var began: Int64 = 0
    /// What of ``bufferedByteCount`` the session's sum includes.
    var weighedByteCount = 0
    private var listByteCount = 0

    var answer: [UInt8] = []
    var answerSent = 0

    init(id: Int32, deadline: Int64) {
        self.id = id
        self.deadline = deadline
        octets.reserveCapacity(512)
        fields.reserveCapacity(8)
    }

    var bufferedByteCount: Int { octets.capacity + answer.capacity }

    /// Takes in one field of the head.
    func take(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, _ limits: Limits) {
        guard fault == nil else { return }
        // RFC 9113 §6.5.2 counts 32 octets for each field.
        listByteCount += name.count + value.count + 32
        guard listByteCount <= limits.headByteCountMax, fields.count + cookies.count < limits.fieldCountMax else {
            fault = .headTooLarge
            return
        }
        let nameRange = unsafe append(name)
        let valueRange = unsafe append(value)
        guard octets[nameRange.lowerBound] == .colon else { return takeField(nameRange, valueRange) }
        if holds(nameRange, ":method") { method = valueRange }
        if holds(nameRange, ":path") { target = valueRange }
        if holds(nameRange, ":authority") { authority = valueRange }
    }

    private func takeField(_ name: Range<Int>, _ value: Range<Int>) {
        let value = trimmed(value)
        // Crumbs of one field (RFC 9113 §8.2.3).
        if holds(name, "cookie") { return cookies.append(value) }
        if holds(name, "expect") {
            guard holds(value, "100-continue") else {
                fault = .expectationFailed
                return
            }
            expectsContinue = true
        }
        fields.append(Request.Field(name: name, value: value))
    }

    private func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (first, last) = (range.lowerBound, range.upperBound)
        while first < last, octets[first] == .space || octets[first] == .tab { first += 1 }
        while first < last, octets[last - 1] == .space || octets[last - 1] == .tab { last -= 1 }
        return first..<last
    }

    /// The head is complete: checks what HTTP/1.1 checks, and puts what is spelled differently there into that form.
    func finishHead(_ limits: Limits) {
        hasHead = true
        if !cookies.isEmpty { joinCookies() }
        if fault == nil { checkHost() }
        if fault == nil, target.count > limits.targetByteCountMax { fault = .targetTooLong }
        if fault == nil, isRepeated("content-type") { fault = .malformedField }
        bodyStart = octets.count
    }

    func takeContent(_ content: UnsafeBufferPointer<UInt8>, _ limits: Limits) {
        guard fault == nil else { return }
        guard octets.count - bodyStart + content.count <= limits.bodyByteCountMax else {
            fault = .bodyTooLarge
            return
        }
        unsafe octets.append(contentsOf: content)
    }

    private func joinCookies() {
        let name = appendText("cookie")
        let start = octets.count
        for (index, cookie) in cookies.enumerated() {
            if index > 0 { _ = appendText("; ") }
            octets.append(contentsOf: Array(octets[cookie]))
        }
        fields.append(Request.Field(name: name, value: start..<octets.count))
        cookies = []
    }

    /// `:authority` is what Host is in HTTP/1.1; a request in which they differ is refused (RFC 9113 §8.3.1).
    private func checkHost() {
        var found: Request.Field?
        for field in fields where holds(field.name, "host") {
            guard found == nil else { return fault = .hostMissingOrRepeated }
            found = field
        }
        if authority.isEmpty {
            guard let found, isHost(found.value) else { return fault = .hostMissingOrRepeated }
            return
        }
        guard isHost(authority) else { return fault = .hostMissingOrRepeated }
        guard let host = found else {
            return fields.append(Request.Field(name: appendText("host"), value: authority))
        }
        let isSame = octets[host.value].elementsEqual(octets[authority]) { $0.lowercased == $1.lowercased }
        if !isSame { fault = .hostMissingOrRepeated }
    }

    private func isRepeated(_ name: StaticString) -> Bool {
        fields.reduce(0) { holds($1.name, name) ? $0 + 1 : $0 } > 1
    }

    private func isHost(_ range: Range<Int>) -> Bool {
        // Another reference, not another copy: a span of our own array would hold all of `self`.
        let octets = octets
        return isAuthority(octets.span.extracting(range))
    }

    /// Whether the octets at `range` are `text`.
    private func holds(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for place in 0..<range.count {
            guard unsafe octets[range.lowerBound + place] == text.utf8Start[place] else { return false }
        }
        return true
    }

    private func append(_ part: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        let start = octets.count
        unsafe octets.append(contentsOf: part)
        return start..<octets.count
    }

    private func appendText(_ text: StaticString) -> Range<Int> {
        unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

extension HTTP2Stream {
    /// Lays the request out as a reader of HTTP/1.1 would have.
    /// - Throws: for a method or a target that is refused there, too.
    func fill(_ request: inout Request) throws(WireFault) {
        if let fault { throw fault }
        guard octets.count <= request.bytes.count else { throw .bodyTooLarge }
        let line = try RequestLine(octets.span, method: method, target: target)
        unsafe request.bytes.withUnsafeMutableBytes { room in
            unsafe octets.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
        }
        request.method = line.method
        request.path = line.path
        request.query = line.query
        request.fields.removeAll(keepingCapacity: true)
        request.fields.append(contentsOf: fields)
        request.body = bodyStart..<octets.count
    }
}
