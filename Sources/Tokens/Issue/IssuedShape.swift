import Encoding
import JOSE
import Platform

/// Parses the payload of an access token exactly as ``Issuer`` writes it: the same claims in the same order, without
/// escapes or additional claims.
///
/// A fast path with the same meaning: a payload that matches is strict JSON without duplicate names, and every claim
/// has the value that the general parser reads. A payload that differs in one byte (another order, additional claims,
/// escapes, text beyond ASCII) gives `nil` and is parsed by the general parser.
struct IssuedShape {
    let subject: Range<Int>
    let audience: Range<Int>
    let clientID: Range<Int>
    let issuedAt: UnixSeconds
    let expiresAt: UnixSeconds
    let jti: UUID
    let sid: UUID
    let birth: UInt64?
    let scope: Range<Int>?
    let authTime: UnixSeconds

    /// Returns the beginning of every payload of this issuer, up to the subject's first letter.
    static func opening(issuer: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name(Claim.issuer.rawValue)
        writer.string(issuer)
        writer.name(Claim.subject.rawValue)
        return writer.bytes + [UInt8(ascii: "\"")]
    }

    init?(_ payload: Span<UInt8>, opening: Span<UInt8>) {
        var cursor = ShapeCursor(payload)
        guard cursor.skip(opening), let subject = cursor.text(), cursor.skip(#","aud":""#),
            let audience = cursor.text(), cursor.skip(#","client_id":""#), let clientID = cursor.text(),
            cursor.skip(#","iat":"#), let issuedAt = cursor.time(), cursor.skip(#","exp":"#),
            let expiresAt = cursor.time(), cursor.skip(#","jti":""#), let jti = cursor.identifier(),
            cursor.skip(#","sid":""#), let sid = cursor.identifier()
        else { return nil }
        if cursor.skip(#","bsq":"#) {
            guard let birth = cursor.number() else { return nil }
            self.birth = birth
        } else {
            birth = nil
        }
        if cursor.skip(#","scope":""#) {
            guard let scope = cursor.text() else { return nil }
            self.scope = scope
        } else {
            scope = nil
        }
        guard cursor.skip(#","auth_time":"#), let authTime = cursor.time() else { return nil }
        if cursor.skip(#","amr":["#), !cursor.skipTexts() { return nil }
        if cursor.skip(#","roles":["#), !cursor.skipTexts() { return nil }
        guard cursor.skip("}"), cursor.isAtEnd else { return nil }
        self.subject = subject
        self.audience = audience
        self.clientID = clientID
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.jti = jti
        self.sid = sid
        self.authTime = authTime
    }
}

/// Reads a payload token by token; each step returns whether it found the expected bytes.
struct ShapeCursor: ~Escapable {
    private let payload: Span<UInt8>
    private var offset = 0

    @_lifetime(copy payload)
    init(_ payload: Span<UInt8>) {
        self.payload = payload
    }

    var isAtEnd: Bool { offset == payload.count }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func skip(_ literal: StaticString) -> Bool {
        let letters = unsafe UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        return skip(unsafe letters.span)
    }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func skip(_ octets: Span<UInt8>) -> Bool {
        guard payload.count - offset >= octets.count,
            payload.extracting(offset..<(offset + octets.count)).hasSameBytes(as: octets)
        else { return false }
        offset += octets.count
        return true
    }

    /// Reads one or more letters without escapes, and the quote after them.
    @_lifetime(self: copy self)
    mutating func text() -> Range<Int>? {
        let start = offset
        offset = JSONDocument.endOfPlainText(in: payload, from: start)
        guard offset > start, offset < payload.count, payload[offset] == UInt8(ascii: "\"") else { return nil }
        offset += 1
        return start..<(offset - 1)
    }

    /// Reads an identifier and the quote after it.
    @_lifetime(self: copy self)
    mutating func identifier() -> UUID? {
        let end = offset + UUID.textByteCount
        guard end < payload.count, payload[end] == UInt8(ascii: "\"") else { return nil }
        let identifier = UUID(payload.extracting(offset..<end))
        offset = end + 1
        return identifier
    }

    /// Reads ten digits without a leading zero: every time from the year 2001 to 2286.
    @_lifetime(self: copy self)
    mutating func time() -> UnixSeconds? {
        guard payload.count - offset > 10, payload[offset] != UInt8(ascii: "0") else { return nil }
        guard let seconds = payload.tenDigits(at: offset) else { return nil }
        offset += 10
        return UnixSeconds(seconds)
    }

    /// Reads a whole number of at most 15 digits.
    @_lifetime(self: copy self)
    mutating func number() -> UInt64? {
        let start = offset
        var value: UInt64 = 0
        while offset < payload.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(payload[offset]) {
            guard offset - start < 15 else { return nil }
            value = value * 10 + UInt64(payload[offset] - UInt8(ascii: "0"))
            offset += 1
        }
        guard offset > start, payload[start] != UInt8(ascii: "0") || offset - start == 1 else { return nil }
        return value
    }

    /// Reads the rest of a list of one or more strings, from the byte after its opening bracket.
    @_lifetime(self: copy self)
    mutating func skipTexts() -> Bool {
        repeat {
            guard skip("\""), text() != nil else { return false }
        } while skip(",")
        return skip("]")
    }
}
