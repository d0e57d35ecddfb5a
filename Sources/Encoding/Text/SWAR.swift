/// Processes eight bytes at once inside one integer; the first byte in memory is the lowest.
///
/// The comparisons require bytes below 0x80 in every lane and return their result in the lane's top bit.
enum SWAR {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let tops: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    static func repeating(_ octet: UInt8) -> UInt64 {
        ones &* UInt64(octet)
    }

    /// Returns which lanes are at least `bound`, which is 1 to 0x80.
    @inline(__always)
    static func atLeast(_ bound: UInt8, _ word: UInt64) -> UInt64 {
        (word &+ repeating(0x80 &- bound)) & tops
    }

    /// Returns `amount` in each lane whose top bit is set in `mask`, 0 in the others.
    @inline(__always)
    static func amount(_ amount: UInt8, where mask: UInt64) -> UInt64 {
        (mask >> 7) &* UInt64(amount)
    }

    /// Finds lanes that are zero. The lanes may have any bytes. The result is zero if there is none; only its lowest set bit
    /// is reliable, because a lane that is zero borrows from those above it.
    @inline(__always)
    static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }

    /// Returns the number that eight decimal digits denote, the first digit in the lowest lane; nil if one is not a
    /// digit.
    @inline(__always)
    static func decimal(_ word: UInt64) -> UInt64? {
        let digits = word ^ repeating(UInt8(ascii: "0"))
        guard (digits | (digits &+ repeating(0x80 &- 10))) & tops == 0 else { return nil }
        let pairs = (digits &* 10 &+ digits >> 8) & 0x00ff_00ff_00ff_00ff
        let quadruples = (pairs &* 100 &+ pairs >> 16) & 0x0000_ffff_0000_ffff
        return (quadruples &* 10_000 &+ quadruples >> 32) & 0xffff_ffff
    }

    /// Finds bytes that must be escaped in a JSON string or are not ASCII: `"`, `\`, bytes below 0x20 or above 0x7f.
    ///
    /// The lanes may have any bytes. Only the lowest set bit of the result is reliable; a borrow may have set higher
    /// ones.
    @inline(__always)
    static func special(_ word: UInt64) -> UInt64 {
        let quote = word ^ repeating(UInt8(ascii: "\""))
        let backslash = word ^ repeating(UInt8(ascii: "\\"))
        return ((word &- repeating(0x20)) | (quote &- ones) | (backslash &- ones) | word) & tops
    }
}

extension Span where Element == UInt8 {
    /// Returns the eight bytes from `offset` on, bounds checked.
    @inline(__always)
    func lanes(at offset: Int) -> UInt64 {
        // Every bit pattern is a valid integer and the offset was checked, so the unaligned load is safe.
        unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Returns the number that the ten decimal digits from `offset` on denote, bounds checked; nil if one is not a
    /// digit.
    package func tenDigits(at offset: Int) -> Int64? {
        // The last eight digits; the first two are padded with zeros.
        let last = lanes(at: offset + 2)
        let first = lanes(at: offset) << 48 | SWAR.repeating(UInt8(ascii: "0")) >> 16
        guard let high = SWAR.decimal(first), let low = SWAR.decimal(last) else { return nil }
        return Int64(high &* 100_000_000 &+ low)
    }

    /// Returns the eight bytes from `offset` on as a number, the first one lowest; bounds checked.
    package func word(at offset: Int) -> UInt64 { lanes(at: offset) }

    /// Whether all bytes are ASCII, and none is a control character, a quotation mark or a backslash.
    package var isPlainASCII: Bool {
        var offset = 0
        var special: UInt64 = 0
        while count &- offset >= 8 {
            let word = lanes(at: offset)
            special |= SWAR.special(word) | ((word ^ SWAR.repeating(0x7f)) &- SWAR.ones)
            offset &+= 8
        }
        guard special & SWAR.tops == 0 else { return false }
        while offset < count {
            let byte = self[offset]
            guard 0x20..<0x7f ~= byte, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return false }
            offset &+= 1
        }
        return true
    }

    @inline(__always)
    func halfLanes(at offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

extension MutableSpan where Element == UInt8 {
    /// Writes eight bytes from `offset` on, bounds checked.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func store(lanes word: UInt64, at offset: Int) {
        // Every bit pattern is a valid UInt8, so writing raw bytes is safe.
        var raw = unsafe mutableBytes
        raw.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
    }

    @inline(__always)
    @_lifetime(self: copy self)
    mutating func store(halfLanes word: UInt32, at offset: Int) {
        var raw = unsafe mutableBytes
        raw.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
}

extension [UInt8] {
    package init(_ octets: Span<UInt8>) {
        self = []
        append(octets)
    }

    package mutating func append(_ octets: Span<UInt8>) {
        unsafe octets.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    /// Overwrites the bytes from `offset` on, bounds checked.
    package mutating func replace(from offset: Int, with octets: Span<UInt8>) {
        precondition(offset >= 0 && offset <= count && octets.count <= count - offset, "the bytes do not fit")
        unsafe octets.withUnsafeBufferPointer { octets in
            unsafe withUnsafeMutableBufferPointer { target in
                guard let source = octets.baseAddress, let target = target.baseAddress else { return }
                unsafe (target + offset).update(from: source, count: octets.count)
            }
        }
    }
}
