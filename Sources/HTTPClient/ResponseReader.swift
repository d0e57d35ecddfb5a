/// The response of a server.
package struct Answer: Equatable, Sendable {
    package let status: UInt16
    /// In the order received; names in lower case.
    package let fields: [(name: String, value: String)]
    package let body: [UInt8]

    package static func == (left: Answer, right: Answer) -> Bool {
        left.status == right.status && left.body == right.body
            && left.fields.elementsEqual(right.fields) { $0.name == $1.name && $0.value == $1.value }
    }

    /// Returns the value of a field that occurs once; `nil` if it is missing or repeated.
    package func field(_ name: String) -> String? {
        let found = fields.filter { $0.name == name }
        return found.count == 1 ? found[0].value : nil
    }
}

/// Why bytes are not a valid response.
package enum ResponseError: Error, Equatable, Sendable {
    case malformed
    case headTooLarge
    case bodyTooLarge
    /// The connection was closed before the end of the response.
    case cutShort
    /// A transfer or content coding that was not requested.
    case coding
}

extension ResponseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "malformed HTTP/1.1"
        case .headTooLarge: "too large in its header section"
        case .bodyTooLarge: "too large"
        case .cutShort: "cut short"
        case .coding: "in a content coding that was not requested"
        }
    }
}

/// Parses one HTTP/1.1 response (RFC 9112) from bytes as they arrive, independent of the socket.
///
/// Strict, so that two parsers never read two different responses: one Content-Length or one Transfer-Encoding and
/// never both, `chunked` and no other coding, CRLF at the end of every line. All sizes are checked before bytes are
/// stored.
package struct ResponseReader {
    private static let headByteCountMax = 16_384
    private static let lineByteCountMax = 8_192
    private static let interimCountMax = 4

    private enum State: Equatable {
        case head
        case counted(rest: Int)
        case untilEnd
        case chunkSize
        case chunk(rest: Int)
        case chunkEnd
        case trailer
        case done
    }

    private let bodyByteCountMax: Int
    private let errorByteCountMax: Int
    private let isBodyExpected: Bool
    private var state = State.head
    private var line: [UInt8] = []
    private var headByteCount = 0
    private var interimCount = 0
    private var status: UInt16?
    private var fields: [(name: String, value: String)] = []
    private var body: [UInt8] = []
    /// The bytes of the body so far, with those that ``takeBodyPart()`` has returned.
    private var bodyByteCount = 0
    private var isVersion11 = false
    private var isEndedByClose = false
    private var hasExcess = false

    /// - Parameters:
    ///   - errorByteCountMax: the limit for a response with a status of 300 or more; nil for the same limit.
    ///   - isBodyExpected: false for a response to `CONNECT`, whose bytes after the head belong to the tunnel.
    package init(bodyByteCountMax: Int, errorByteCountMax: Int? = nil, isBodyExpected: Bool = true) {
        self.bodyByteCountMax = bodyByteCountMax
        self.errorByteCountMax = min(errorByteCountMax ?? bodyByteCountMax, bodyByteCountMax)
        self.isBodyExpected = isBodyExpected
    }

    package var isDone: Bool { state == .done }

    /// The status, after the head of the response is complete.
    package var finalStatus: UInt16? { state == .head ? nil : status }

    /// Whether the connection can carry another request after this complete response (RFC 9112 §9.3). Bytes after the
    /// end of the response, which no request asked for, exclude that.
    package var keepsConnection: Bool {
        guard isDone, isVersion11, !isEndedByClose, !hasExcess else { return false }
        return !values("connection").contains { $0.lowercased().contains("close") }
    }

    /// Removes and returns the bytes of the body that have arrived since the last call.
    package mutating func takeBodyPart() -> [UInt8] {
        defer { body = [] }
        return body
    }

    private var byteCountMax: Int { status.map { $0 >= 300 } ?? false ? errorByteCountMax : bodyByteCountMax }

    /// The complete response; `nil` before its end.
    package var answer: Answer? {
        guard isDone, let status else { return nil }
        return Answer(status: status, fields: fields, body: body)
    }

    /// Parses bytes that have arrived; bytes after the end of the response are not part of it.
    package mutating func take(_ octets: [UInt8]) throws(ResponseError) {
        var rest = octets[...]
        while !rest.isEmpty, state != .done {
            switch state {
            case .head, .chunkSize, .chunkEnd, .trailer: try takeLine(&rest)
            case .counted(let count): state = try takeBody(&rest, count).map { .counted(rest: $0) } ?? .done
            case .chunk(let count): state = try takeBody(&rest, count).map { .chunk(rest: $0) } ?? .chunkEnd
            case .untilEnd: _ = try takeBody(&rest, rest.count)
            case .done: break
            }
        }
        if !rest.isEmpty { hasExcess = true }
    }

    /// Reports that the server closed the connection.
    package mutating func end() throws(ResponseError) {
        if state == .untilEnd { state = .done }
        guard state == .done else { throw .cutShort }
    }

    /// - Returns: how many bytes of `count` are still missing; `nil` if none are.
    private mutating func takeBody(_ rest: inout ArraySlice<UInt8>, _ count: Int) throws(ResponseError) -> Int? {
        let part = rest.prefix(count)
        guard part.count <= byteCountMax - bodyByteCount else { throw .bodyTooLarge }
        body += part
        bodyByteCount += part.count
        rest = rest.dropFirst(part.count)
        return part.count == count ? nil : count - part.count
    }

    private mutating func takeLine(_ rest: inout ArraySlice<UInt8>) throws(ResponseError) {
        let end = rest.firstIndex(of: 0x0A)
        let part = end.map { rest[...$0] } ?? rest
        rest = rest[part.endIndex...]
        headByteCount += part.count
        guard headByteCount <= Self.headByteCountMax, line.count + part.count <= Self.lineByteCountMax else {
            throw .headTooLarge
        }
        line += part
        guard end != nil else { return }
        let whole = line
        line = []
        guard whole.count >= 2, whole[whole.count - 2] == 0x0D else { throw .malformed }
        try take(line: whole.dropLast(2))
    }

    private mutating func take(line: ArraySlice<UInt8>) throws(ResponseError) {
        switch state {
        case .head where status == nil:
            status = try Self.status(line)
            isVersion11 = line.starts(with: "HTTP/1.1".utf8)
        case .head where line.isEmpty: try finishHead()
        case .head: fields.append(try Self.field(line))
        case .chunkSize: try takeChunkSize(line)
        case .chunkEnd:
            guard line.isEmpty else { throw .malformed }
            state = .chunkSize
        case .trailer:
            if line.isEmpty { state = .done } else { _ = try Self.field(line) }
        case .counted, .untilEnd, .chunk, .done: break
        }
    }

    private mutating func takeChunkSize(_ line: ArraySlice<UInt8>) throws(ResponseError) {
        // Chunk extensions after the semicolon are ignored (RFC 9112 §7.1.1).
        let digits = line.prefix { $0 != UInt8(ascii: ";") }
        let trimmed = digits.prefix { $0 != 0x20 && $0 != 0x09 }
        guard (1...8).contains(trimmed.count), digits.dropFirst(trimmed.count).allSatisfy({ $0 == 0x20 || $0 == 0x09 })
        else { throw .malformed }
        guard trimmed.count == digits.count || digits.count < line.count else { throw .malformed }
        guard trimmed.allSatisfy(Self.isHexDigit), let size = Int(String(decoding: trimmed, as: UTF8.self), radix: 16)
        else { throw .malformed }
        guard size <= byteCountMax - bodyByteCount else { throw .bodyTooLarge }
        // Chunk-size lines of a body within its limit do not count against the limit of the head.
        headByteCount = size > 0 ? max(0, headByteCount - line.count - 4) : headByteCount
        state = size == 0 ? .trailer : .chunk(rest: size)
    }

    private mutating func finishHead() throws(ResponseError) {
        guard let status else { throw .malformed }
        if 100..<200 ~= status {
            interimCount += 1
            guard status != 101, interimCount <= Self.interimCountMax else { throw .malformed }
            self.status = nil
            fields = []
            return
        }
        let codings = values("transfer-encoding")
        let counts = values("content-length")
        guard isBodyExpected, status != 204, status != 304 else {
            state = .done
            return
        }
        guard values("content-encoding").allSatisfy({ $0.lowercased() == "identity" }) else { throw .coding }
        if !codings.isEmpty {
            guard counts.isEmpty else { throw .malformed }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else { throw .coding }
            state = .chunkSize
        } else if !counts.isEmpty {
            guard counts.count == 1, let count = Self.decimal(counts[0]) else { throw .malformed }
            guard count <= byteCountMax else { throw .bodyTooLarge }
            state = count == 0 ? .done : .counted(rest: count)
        } else {
            state = .untilEnd
            isEndedByClose = true
        }
    }

    private func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
}

extension ResponseReader {
    /// Parses a status line such as `HTTP/1.1 200 OK`; HTTP/1.0 is accepted as well.
    private static func status(_ line: ArraySlice<UInt8>) throws(ResponseError) -> UInt16 {
        let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, ["HTTP/1.1", "HTTP/1.0"].contains(String(decoding: parts[0], as: UTF8.self)) else {
            throw .malformed
        }
        guard parts[1].count == 3, let status = decimal(String(decoding: parts[1], as: UTF8.self)), 100...599 ~= status
        else { throw .malformed }
        guard line.allSatisfy(isText) else { throw .malformed }
        return UInt16(truncatingIfNeeded: status)
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(ResponseError) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .malformed }
        let name = line[..<colon]
        guard name.allSatisfy(isToken), line.allSatisfy(isText) else { throw .malformed }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        return (String(decoding: name, as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self))
    }

    private static func isText(_ octet: UInt8) -> Bool { octet >= 0x20 && octet != 0x7F || octet == 0x09 }

    /// Returns whether the byte may be in a token (RFC 9110 §5.6.2).
    private static func isToken(_ octet: UInt8) -> Bool {
        switch octet {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "!"), 0x23...0x27, UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            0x5E...0x60, UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func isHexDigit(_ octet: UInt8) -> Bool {
        0x30...0x39 ~= octet || 0x61...0x66 ~= octet || 0x41...0x46 ~= octet
    }

    private static func decimal(_ text: String) -> Int? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(text)
    }
}
