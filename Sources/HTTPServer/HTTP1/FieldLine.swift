import HTTP

/// One field line (RFC 9112 §5), or the empty line that ends the fields.
struct FieldLine {
    var name: Range<Int>
    /// The value without the surrounding white space.
    var value: Range<Int>
    /// The offset after the line feed.
    var end: Int

    var isEmpty: Bool { name.isEmpty }

    /// Parses one line and converts its name to lowercase in place.
    ///
    /// - Returns: nil if the line is incomplete.
    /// - Throws: `.malformedField`.
    @inline(__always)
    static func read(_ bytes: inout MutableSpan<UInt8>, from start: Int, to end: Int) throws(RequestError) -> FieldLine?
    {
        var index = start
        while index < end {
            let octet = bytes[index]
            let lower = ByteClass.token(octet)
            if lower == 0 { break }
            if lower != octet { bytes[index] = lower }
            index &+= 1
        }
        guard index < end else { return nil }
        guard index > start else {
            guard bytes[index] == .carriageReturn else { throw .malformedField }
            guard index &+ 1 < end else { return nil }
            guard bytes[index &+ 1] == .lineFeed else { throw .malformedField }
            return FieldLine(name: start..<start, value: start..<start, end: index &+ 2)
        }
        guard bytes[index] == .colon else { throw .malformedField }
        let name = start..<index

        index &+= 1
        while index < end, bytes[index] == .space || bytes[index] == .tab { index &+= 1 }
        let valueStart = index
        index = skipText(bytes.span, from: index, to: end)
        guard index &+ 1 < end else {
            guard index == end || bytes[index] == .carriageReturn else { throw .malformedField }
            return nil
        }
        guard bytes[index] == .carriageReturn, bytes[index &+ 1] == .lineFeed else { throw .malformedField }
        var valueEnd = index
        while valueEnd > valueStart, bytes[valueEnd &- 1] == .space || bytes[valueEnd &- 1] == .tab { valueEnd &-= 1 }
        return FieldLine(name: name, value: valueStart..<valueEnd, end: index &+ 2)
    }

    /// Returns the index of the first byte from `start` that a field value cannot contain (RFC 9110 §5.5), or `end`.
    @inline(__always)
    private static func skipText(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        let raw = unsafe bytes.bytes
        while index < end {
            while index &+ 8 <= end {
                // The load is checked against the bounds of the span; it is unsafe only because the type is free to
                // choose.
                let loaded = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
                let word = UInt64(littleEndian: loaded)
                let controls = controlOctets(word)
                guard controls == 0 else {
                    index &+= controls.trailingZeroBitCount &>> 3
                    break
                }
                index &+= 8
                // Most values are shorter and would not benefit from larger steps.
                if index &- start == 24 { index = skipBlocks(raw, from: index, to: end) }
            }
            while index < end, bytes[index] >= 0x20, bytes[index] != 0x7f { index &+= 1 }
            guard index < end, bytes[index] == .tab else { return index }
            index &+= 1
        }
        return end
    }

    /// Skips blocks of 32 bytes that contain only bytes allowed in a value.
    @inline(never)
    private static func skipBlocks(_ raw: RawSpan, from start: Int, to end: Int) -> Int {
        var index = start
        while index &+ 32 <= end {
            // As above. The byte order within a word does not matter for finding out whether it contains such a byte.
            let block = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD4<UInt64>.self)
            guard !holdsControls(block) else { break }
            index &+= 32
        }
        return index
    }

    /// Returns a word with the high bit set for each byte of `word` below 0x20 or equal to 0x7f. Bits above the lowest
    /// set bit can be wrong.
    @inline(__always)
    private static func controlOctets(_ word: UInt64) -> UInt64 {
        let high: UInt64 = 0x8080_8080_8080_8080
        let below = (word &- 0x2020_2020_2020_2020) & ~word
        let delete = word ^ 0x7f7f_7f7f_7f7f_7f7f
        return (below | ((delete &- 0x0101_0101_0101_0101) & ~delete)) & high
    }

    /// Returns whether ``controlOctets(_:)`` finds a byte in any of the four words.
    @inline(__always)
    private static func holdsControls(_ words: SIMD4<UInt64>) -> Bool {
        let below = (words &- SIMD4(repeating: 0x2020_2020_2020_2020)) & ~words
        let delete = words ^ SIMD4(repeating: 0x7f7f_7f7f_7f7f_7f7f)
        let found = below | ((delete &- SIMD4(repeating: 0x0101_0101_0101_0101)) & ~delete)
        return (found[0] | found[1] | found[2] | found[3]) & 0x8080_8080_8080_8080 != 0
    }
}

/// The line before the data of a chunk: its size, and extensions, which are validated and discarded (RFC 9112 §7.1.1).
struct ChunkLine {
    private static let byteCountMax = 256

    var count: Int
    /// The offset after the line feed.
    var end: Int

    /// Parses one chunk line.
    ///
    /// - Returns: nil if the line is incomplete.
    /// - Throws: `.bodyTooLarge` if the size exceeds `countMax`, otherwise `.ambiguousFraming`.
    static func read(_ bytes: Span<UInt8>, from start: Int, to end: Int, countMax: Int) throws(RequestError)
        -> ChunkLine?
    {
        let bound = start &+ byteCountMax
        var scan = ChunkScan(index: start, end: min(end, bound))
        do throws(ChunkScan.Stop) {
            let count = try scan.size(bytes, countMax: countMax)
            while try scan.isExtension(bytes) { try scan.skipExtension(bytes) }
            return ChunkLine(count: count, end: scan.index)
        } catch {
            switch error {
            case .fault(let fault): throw fault
            case .needsMore:
                guard end < bound else { throw .ambiguousFraming }
                return nil
            }
        }
    }
}

private struct ChunkScan {
    enum Stop: Error {
        case needsMore
        case fault(RequestError)
    }

    var index: Int
    let end: Int

    mutating func size(_ bytes: Span<UInt8>, countMax: Int) throws(Stop) -> Int {
        var count = 0
        let start = index
        while let digit = hexDigit(try peek(bytes)) {
            count = count &<< 4 | digit
            // This check at every digit ensures that the shift above never loses one.
            guard count <= countMax else { throw .fault(.bodyTooLarge) }
            index &+= 1
        }
        guard index > start else { throw .fault(.ambiguousFraming) }
        return count
    }

    /// Returns whether an extension follows. If not, the line has ended.
    mutating func isExtension(_ bytes: Span<UInt8>) throws(Stop) -> Bool {
        switch try take(bytes) {
        case UInt8(ascii: ";"): return true
        case .carriageReturn:
            guard try take(bytes) == .lineFeed else { throw .fault(.ambiguousFraming) }
            return false
        default: throw .fault(.ambiguousFraming)
        }
    }

    /// Skips `token [ "=" ( token / quoted-string ) ]`, with white space allowed only before it.
    mutating func skipExtension(_ bytes: Span<UInt8>) throws(Stop) {
        var octet = try peek(bytes)
        while octet == .space || octet == .tab {
            index &+= 1
            octet = try peek(bytes)
        }
        try skipToken(bytes)
        guard try peek(bytes) == UInt8(ascii: "=") else { return }
        index &+= 1
        guard try peek(bytes) == UInt8(ascii: "\"") else { return try skipToken(bytes) }
        index &+= 1
        while true {
            var octet = try take(bytes)
            if octet == UInt8(ascii: "\"") { return }
            if octet == UInt8(ascii: "\\") { octet = try take(bytes) }
            guard octet == .tab || (octet >= 0x20 && octet != 0x7f) else { throw .fault(.ambiguousFraming) }
        }
    }

    private mutating func skipToken(_ bytes: Span<UInt8>) throws(Stop) {
        let start = index
        while ByteClass.token(try peek(bytes)) != 0 { index &+= 1 }
        guard index > start else { throw .fault(.ambiguousFraming) }
    }

    private func peek(_ bytes: Span<UInt8>) throws(Stop) -> UInt8 {
        guard index < end else { throw .needsMore }
        return bytes[index]
    }

    private mutating func take(_ bytes: Span<UInt8>) throws(Stop) -> UInt8 {
        let octet = try peek(bytes)
        index &+= 1
        return octet
    }

    private func hexDigit(_ octet: UInt8) -> Int? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(octet &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(octet &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(octet &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}
