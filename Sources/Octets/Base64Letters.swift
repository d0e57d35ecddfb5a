/// The arithmetic that both alphabets share.
enum Base64Letters {
    /// What a letter stands for, and back.
    struct Alphabet: Sendable {
        static let url = Alphabet("-", "_")
        static let standard = Alphabet("+", "/")

        /// 0...63 for a letter; 255 for every other octet.
        let values: [UInt8]
        let letters: [UInt8]

        private init(_ sixtySecond: Unicode.Scalar, _ sixtyThird: Unicode.Scalar) {
            let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
            letters = Array(text.utf8) + [UInt8(ascii: sixtySecond), UInt8(ascii: sixtyThird)]
            var values = [UInt8](repeating: 255, count: 256)
            for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
            self.values = values
        }
    }

    static func encodedByteCount(_ byteCount: Int) -> Int {
        byteCount / 3 * 4 + (byteCount % 3 == 0 ? 0 : byteCount % 3 + 1)
    }

    static func decode(_ input: Span<UInt8>, _ alphabet: Alphabet, into output: inout [UInt8]) -> Bool {
        let rest = input.count % 4
        guard rest != 1 else {
            output.removeAll(keepingCapacity: true)
            return false
        }
        resize(&output, to: input.count / 4 * 3 + (rest == 0 ? 0 : rest - 1))
        let isGood = unsafe alphabet.values.withUnsafeBufferPointer { values in
            unsafe input.withUnsafeBufferPointer { letters in
                unsafe output.withUnsafeMutableBufferPointer { octets in
                    unsafe decode(letters, values, into: octets)
                }
            }
        }
        if !isGood { output.removeAll(keepingCapacity: true) }
        return isGood
    }

    /// The pointers' sizes were set by the caller: every index below stays under them, and `values` has all 256 entries.
    private static func decode(
        _ letters: UnsafeBufferPointer<UInt8>, _ values: UnsafeBufferPointer<UInt8>,
        into octets: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        var read = 0
        var written = 0
        var seen: UInt8 = 0
        while read + 4 <= letters.count {
            let a = unsafe values[Int(letters[read])]
            let b = unsafe values[Int(letters[read + 1])]
            let c = unsafe values[Int(letters[read + 2])]
            let d = unsafe values[Int(letters[read + 3])]
            seen |= a | b | c | d
            unsafe octets[written] = a << 2 | b >> 4
            unsafe octets[written + 1] = b << 4 | c >> 2
            unsafe octets[written + 2] = c << 6 | d
            read += 4
            written += 3
        }
        var unused: UInt8 = 0
        if letters.count - read >= 2 {
            let a = unsafe values[Int(letters[read])]
            let b = unsafe values[Int(letters[read + 1])]
            seen |= a | b
            unsafe octets[written] = a << 2 | b >> 4
            unused = b & 15
            if letters.count - read == 3 {
                let c = unsafe values[Int(letters[read + 2])]
                seen |= c
                unsafe octets[written + 1] = b << 4 | c >> 2
                unused = c & 3
            }
        }
        return seen & 0xc0 == 0 && unused == 0
    }

    static func append(_ input: Span<UInt8>, _ alphabet: Alphabet, to output: inout [UInt8]) {
        let letters = alphabet.letters
        output.reserveCapacity(output.count + encodedByteCount(input.count))
        var index = 0
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

    private static func resize(_ octets: inout [UInt8], to count: Int) {
        if octets.count > count {
            octets.removeLast(octets.count - count)
        } else if octets.count < count {
            octets.append(contentsOf: repeatElement(0, count: count - octets.count))
        }
    }
}
