internal import CBase64

/// Encodes and decodes both base64 alphabets.
enum Base64Letters {
    /// Whether the processor can decode and encode 32 letters of base64url at once.
    static let isBuiltIn = cbase64_is_available() != 0

    /// The letters of one alphabet and the table that decodes them.
    struct Alphabet: Sendable {
        static let url = Alphabet("-", "_")
        static let standard = Alphabet("+", "/")

        let letters: [UInt8]
        /// Entry `256 * k + c` is the value of letter `c` as the k-th of four, shifted to its place in three bytes (the
        /// first byte lowest); ``notALetter`` for every other byte.
        let places: [UInt32]

        private init(_ sixtySecond: Unicode.Scalar, _ sixtyThird: Unicode.Scalar) {
            let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
            letters = Array(text.utf8) + [UInt8(ascii: sixtySecond), UInt8(ascii: sixtyThird)]
            var places = [UInt32](repeating: Base64Letters.notALetter, count: 4 * 256)
            for (value, letter) in letters.enumerated() {
                for place in 0..<4 {
                    let bits = UInt32(value) << UInt32(18 - 6 * place)
                    places[256 * place + Int(letter)] = bits >> 16 | bits & 0xff00 | (bits & 0xff) << 16
                }
            }
            self.places = places
        }
    }

    static let notALetter: UInt32 = 1 << 31

    static func encodedByteCount(_ byteCount: Int) -> Int {
        byteCount / 3 * 4 + (byteCount % 3 == 0 ? 0 : byteCount % 3 + 1)
    }

    /// Replaces `output` with the decoded bytes; returns false, with `output` empty, for input that is not canonical.
    ///
    /// - Parameter byTable: whether to use only the portable table, which reads eight letters per step.
    static func decode(
        _ input: Span<UInt8>, _ alphabet: Alphabet, into output: inout [UInt8], byTable: Bool
    ) -> Bool {
        let rest = input.count % 4
        guard rest != 1 else {
            output.removeAll(keepingCapacity: true)
            return false
        }
        resize(&output, to: input.count / 4 * 3 + (rest == 0 ? 0 : rest - 1))
        let isGood = unsafe alphabet.places.withUnsafeBufferPointer { places in
            unsafe input.withUnsafeBufferPointer { letters in
                unsafe output.withUnsafeMutableBufferPointer { octets in
                    // The vector code stops at an invalid letter; the table code then finds and rejects it.
                    let read = unsafe byTable ? 0 : decodeBlocks(letters, into: octets)
                    return unsafe decode(letters, places, from: read, into: octets)
                }
            }
        }
        if !isGood { output.removeAll(keepingCapacity: true) }
        return isGood
    }

    /// Decodes whole blocks with vector instructions.
    ///
    /// - Returns: how many letters of base64url were decoded, a multiple of 32.
    @inline(__always)
    private static func decodeBlocks(
        _ letters: UnsafeBufferPointer<UInt8>, into octets: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        guard let source = letters.baseAddress, let target = octets.baseAddress else { return 0 }
        return unsafe cbase64_decode_url(source, letters.count, target, octets.count)
    }

    /// Decodes the letters from `start` on with the table.
    ///
    /// The caller sized the buffers: every index below is within them, and `places` has all its entries.
    ///
    /// - Parameter start: how many letters are already decoded, a multiple of four.
    private static func decode(
        _ letters: UnsafeBufferPointer<UInt8>, _ places: UnsafeBufferPointer<UInt32>, from start: Int,
        into octets: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        var read = start
        var written = start / 4 * 3
        var seen: UInt32 = 0
        let source = UnsafeRawBufferPointer(letters)
        let target = UnsafeMutableRawBufferPointer(octets)
        // Reads eight letters with one load and writes one word; the next word overwrites its last two bytes.
        while read &+ 8 <= letters.count, written &+ 8 <= octets.count {
            let word = unsafe UInt64(littleEndian: source.loadUnaligned(fromByteOffset: read, as: UInt64.self))
            let first =
                unsafe places[Int(word & 0xff)] | places[256 &+ Int(word &>> 8 & 0xff)]
                | places[512 &+ Int(word &>> 16 & 0xff)] | places[768 &+ Int(word &>> 24 & 0xff)]
            let second =
                unsafe places[Int(word &>> 32 & 0xff)] | places[256 &+ Int(word &>> 40 & 0xff)]
                | places[512 &+ Int(word &>> 48 & 0xff)] | places[768 &+ Int(word &>> 56)]
            seen |= first | second
            let six = UInt64(first & 0xff_ffff) | UInt64(second & 0xff_ffff) &<< 24
            unsafe target.storeBytes(of: six.littleEndian, toByteOffset: written, as: UInt64.self)
            read &+= 8
            written &+= 6
        }
        while read + 4 <= letters.count {
            let triple =
                unsafe places[Int(letters[read])] | places[256 + Int(letters[read + 1])]
                | places[512 + Int(letters[read + 2])] | places[768 + Int(letters[read + 3])]
            seen |= triple
            unsafe octets[written] = UInt8(truncatingIfNeeded: triple)
            unsafe octets[written + 1] = UInt8(truncatingIfNeeded: triple >> 8)
            unsafe octets[written + 2] = UInt8(truncatingIfNeeded: triple >> 16)
            read += 4
            written += 3
        }
        let rest = letters.count - read
        if rest >= 2 {
            var triple = unsafe places[Int(letters[read])] | places[256 + Int(letters[read + 1])]
            if rest == 3 { triple |= unsafe places[512 + Int(letters[read + 2])] }
            seen |= triple
            unsafe octets[written] = UInt8(truncatingIfNeeded: triple)
            if rest == 3 { unsafe octets[written + 1] = UInt8(truncatingIfNeeded: triple >> 8) }
            // Bits that do not fill a whole byte must be zero: each value has one spelling (RFC 4648 §3.5).
            if triple >> (rest == 3 ? 16 : 8) & 0xff != 0 { return false }
        }
        return seen & notALetter == 0
    }

    /// - Parameter byTable: whether to use only the portable table.
    static func append(_ input: Span<UInt8>, _ alphabet: Alphabet, to output: inout [UInt8], byTable: Bool) {
        let letters = alphabet.letters.span
        output.append(addingCapacity: encodedByteCount(input.count)) { output in
            var index = byTable ? 0 : appendBlocks(input, to: &output)
            while index + 3 <= input.count {
                let triple = UInt32(input[index]) << 16 | UInt32(input[index + 1]) << 8 | UInt32(input[index + 2])
                output.append(letters[Int(triple >> 18 & 63)])
                output.append(letters[Int(triple >> 12 & 63)])
                output.append(letters[Int(triple >> 6 & 63)])
                output.append(letters[Int(triple & 63)])
                index += 3
            }
            let rest = input.count - index
            guard rest > 0 else { return }
            let triple = UInt32(input[index]) << 16 | (rest == 2 ? UInt32(input[index + 1]) << 8 : 0)
            output.append(letters[Int(triple >> 18 & 63)])
            output.append(letters[Int(triple >> 12 & 63)])
            if rest == 2 { output.append(letters[Int(triple >> 6 & 63)]) }
        }
    }

    /// Encodes whole blocks as base64url with vector instructions.
    ///
    /// - Returns: how many bytes were encoded, a multiple of 24.
    @inline(__always)
    private static func appendBlocks(_ input: Span<UInt8>, to output: inout OutputSpan<UInt8>) -> Int {
        // The vector code encodes nothing if there are fewer.
        guard input.count >= 28, output.freeCapacity >= encodedByteCount(input.count) else { return 0 }
        return unsafe input.withUnsafeBufferPointer { bytes in
            unsafe output.withUnsafeMutableBufferPointer { letters, count in
                guard let source = bytes.baseAddress, let target = letters.baseAddress else { return 0 }
                let read = unsafe cbase64_encode_url(source, bytes.count, target + count)
                count += read / 3 * 4
                return read
            }
        }
    }

    private static func resize(_ octets: inout [UInt8], to count: Int) {
        if octets.count > count {
            octets.removeLast(octets.count - count)
        } else if octets.count < count {
            octets.append(contentsOf: repeatElement(0, count: count - octets.count))
        }
    }
}
