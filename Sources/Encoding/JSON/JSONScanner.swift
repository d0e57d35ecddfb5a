/// Scans the bytes of a document token by token and checks the spelling of each.
struct JSONScanner: ~Escapable {
    let bytes: Span<UInt8>
    private(set) var offset: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var isAtEnd: Bool { offset == bytes.count }

    @inline(__always)
    var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func advance() {
        offset += 1
    }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func skipBlanks() {
        if offset < bytes.count, bytes[offset] <= 0x20 { skipSomeBlanks() }
    }

    @_lifetime(self: copy self)
    private mutating func skipSomeBlanks() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0a, 0x0d: offset += 1
            default: return
            }
        }
    }

    @_lifetime(self: copy self)
    mutating func skip(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count else { throw .unterminated }
            guard unsafe bytes[offset] == word.utf8Start[index] else { throw .unexpected(offset) }
            offset += 1
        }
    }

    /// Scans a number (RFC 8259 §6) from its first byte.
    @_lifetime(self: copy self)
    mutating func skipNumber() throws(JSONError) {
        let start = offset
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") {
            offset += 1
        } else if skipDigits() == 0 {
            throw .badNumber(start)
        }
        if current == UInt8(ascii: ".") {
            offset += 1
            guard skipDigits() > 0 else { throw .badNumber(start) }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            guard skipDigits() > 0 else { throw .badNumber(start) }
        }
        // A leading zero before another digit, such as `01`, is not a number.
        if let letter = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= letter { throw .badNumber(start) }
    }

    @_lifetime(self: copy self)
    private mutating func skipDigits() -> Int {
        let start = offset
        while offset < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] { offset += 1 }
        return offset - start
    }

    /// Scans a string from the byte after the opening quote to the byte after the closing one.
    ///
    /// - Returns: whether the string has no escapes.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func skipString() throws(JSONError) -> Bool {
        skipOrdinary()
        if offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") {
            offset += 1
            return true
        }
        return try skipUnusualString()
    }

    @_lifetime(self: copy self)
    private mutating func skipUnusualString() throws(JSONError) -> Bool {
        var isPlain = true
        while true {
            skipOrdinary()
            guard offset < bytes.count else { throw .unterminated }
            let letter = bytes[offset]
            if letter == UInt8(ascii: "\"") {
                offset += 1
                return isPlain
            }
            if letter == UInt8(ascii: "\\") {
                isPlain = false
                try skipEscape()
            } else if letter < 0x20 {
                throw .unexpected(offset)
            } else if letter >= 0x80 {
                try skipScalar()
            } else {
                offset += 1
            }
        }
    }

    /// Skips plain characters of a string, eight bytes at a time.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func skipOrdinary() {
        while offset + 8 <= bytes.count {
            let special = SWAR.special(bytes.lanes(at: offset))
            guard special == 0 else {
                offset += special.trailingZeroBitCount / 8
                return
            }
            offset += 8
        }
    }

    @_lifetime(self: copy self)
    private mutating func skipEscape() throws(JSONError) {
        let start = offset
        guard offset + 1 < bytes.count else { throw .unterminated }
        let letter = bytes[offset + 1]
        offset += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"):
            let unit = try codeUnit(start)
            guard 0xd800..<0xe000 ~= unit else { return }
            guard unit < 0xdc00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            else { throw .loneSurrogate(start) }
            offset += 2
            guard 0xdc00..<0xe000 ~= (try codeUnit(start)) else { throw .loneSurrogate(start) }
        default:
            throw .badEscape(start)
        }
    }

    @_lifetime(self: copy self)
    private mutating func codeUnit(_ start: Int) throws(JSONError) -> UInt32 {
        guard offset + 4 <= bytes.count else { throw .unterminated }
        for index in offset..<(offset + 4) where JSONText.hexValue(bytes[index]) == nil { throw .badEscape(start) }
        offset += 4
        return JSONText.codeUnit(bytes, at: offset - 4)
    }

    /// Scans one scalar of two to four bytes in its shortest encoding (RFC 3629 §4).
    @_lifetime(self: copy self)
    private mutating func skipScalar() throws(JSONError) {
        let (byteCount, isWellFormed) = UTF8Scan.scalar(at: offset, in: bytes)
        guard isWellFormed else { throw .notUTF8(offset) }
        offset += byteCount
    }
}
