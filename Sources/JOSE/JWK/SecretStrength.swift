import Encoding
import OpenSSL

/// Rejects HMAC secrets that are not random (RFC 8725 §3.5), that are publicly known, or that are public keys in
/// disguise (RFC 8725 §2.1).
///
/// Bytes from a random generator pass as they are, in hex, and in base64 of either alphabet. Any other text is words, a UUID,
/// or a password: 32 letters of it contain far less than 256 bits. 32 random bytes fail about once in
/// 10⁸ keys, their spelling in hex about once in 10⁸, and in base64 about once in 30,000. Of the few lengths that a point on a
/// curve has (33, 49, 65, 67, 97 and 133 bytes), one random secret in a hundred fails.
package enum SecretStrength {
    private static let distinctOctetCountMin = 12
    /// More than the ten decimal digits, and few enough that 64 random hex digits have this many.
    private static let distinctHexDigitCountMin = 11
    /// Fewer hex digits encode less than 256 bits.
    private static let hexDigitCountMin = 64
    private static let base64LetterCountMin = 43
    private static let distinctLetterCountMin = 18
    /// How many letters a known secret may have more, such as a year, and still be known.
    private static let affixCountMax = 8
    private static let readingCountMax = 32

    package static func isAcceptable(_ secret: [UInt8]) -> Bool {
        let text = trimmed(secret)
        // For hex, only the digits count, not the line end.
        let isVaried =
            isHex(text) ? Set(text).count >= distinctHexDigitCountMin : Set(secret).count >= distinctOctetCountMin
        // The cheap ones first: most bad secrets are words.
        guard isVaried, !isWide(secret), isReadable(text) ? isRandomText(withoutLineEnds(text)) : !isMostlyText(secret),
            !isRegular(secret)
        else { return false }
        let readings = readings(secret)
        return !readings.contains(where: KeyShape.matches) && !readings.contains { isKnown($0[...]) }
            && !isKnownWithAffixes(text)
    }

    /// The secret and everything that it spells in hex, in base64 of either alphabet and in UTF-16, also where lines end inside
    /// it, where white space or a byte order mark surrounds it, and where one encoding is inside another.
    static func readings(_ secret: [UInt8]) -> [[UInt8]] {
        var readings = [secret]
        var next = 0
        // Every reading is shorter than what it was read from, so this ends; the limit bounds the work.
        while next < readings.count, readings.count < readingCountMax {
            let one = readings[next]
            next += 1
            let text = trimmed(one)
            if text.count < one.count { readings += withoutEdges(one) + [Array(text)] }
            if isWide(one) { readings.append(one.filter { $0 != 0 && $0 < 0xFE }) }
            let letters = withoutLineEnds(text)
            if !letters.isEmpty, isHex(letters), letters.count % 2 == 0 { readings.append(unhexed(letters)) }
            if let octets = decoded(unpadded(letters)), !octets.isEmpty { readings.append(octets) }
        }
        return readings
    }

    /// Bytes that rise, fall or repeat: at some distance, more than half of all pairs have the same difference.
    /// 00 01 02 … is one, a password typed twice is another.
    private static func isRegular(_ secret: [UInt8]) -> Bool {
        guard secret.count > 1 else { return true }
        // This much of a long one is enough, and bounds the work.
        let count = min(secret.count, 256)
        for distance in 1...(count / 2) {
            // Boyer and Moore: a majority value, if there is one, remains at the end.
            var (candidate, lead, index) = (UInt8(0), 0, distance)
            while index < count {
                let difference = secret[index] &- secret[index - distance]
                if lead == 0 { candidate = difference }
                lead += difference == candidate ? 1 : -1
                index += 1
            }
            guard lead > 0 else { continue }
            let same = (distance..<count).count { secret[$0] &- secret[$0 - distance] == candidate }
            if same * 2 > count - distance { return true }
        }
        return false
    }

    /// Detects text with a zero in every other byte (UTF-16), as some editors save it.
    private static func isWide(_ secret: [UInt8]) -> Bool {
        secret.count { $0 == 0 } * 5 >= secret.count * 2
    }

    /// Detects text in an encoding other than UTF-8 or with a few other bytes; random secrets match once in 10⁹ keys.
    private static func isMostlyText(_ secret: [UInt8]) -> Bool {
        secret.count { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) } * 10 >= secret.count * 9
    }

    /// Returns whether the secret is, or encodes, an asymmetric key.
    static func looksLikeKey(_ secret: [UInt8]) -> Bool {
        readings(secret).contains(where: KeyShape.matches)
    }

    /// Without the white space and the byte order mark that an editor leaves at the ends.
    private static func trimmed(_ secret: [UInt8]) -> ArraySlice<UInt8> {
        let isMarked = secret.starts(with: [0xEF, 0xBB, 0xBF])
        var text = secret.dropFirst(isMarked ? 3 : 0).drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    /// Without a byte order mark, and without one line end at either end.
    ///
    /// A key may begin or end with a byte that is white space by chance, which ``trimmed(_:)`` removes as well.
    private static func withoutEdges(_ secret: [UInt8]) -> [[UInt8]] {
        let unmarked = secret.dropFirst(secret.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        let lineEnds: [[UInt8]] = [[], [0x0A], [0x0D, 0x0A]]
        return lineEnds.flatMap { start in
            lineEnds.compactMap { end in
                let isBare = start.isEmpty && end.isEmpty && unmarked.count == secret.count
                guard !isBare, unmarked.starts(with: start), unmarked.count >= start.count + end.count,
                    unmarked.suffix(end.count).elementsEqual(end)
                else { return nil }
                return Array(unmarked.dropFirst(start.count).dropLast(end.count))
            }
        }
    }

    private static func isSpace(_ octet: UInt8) -> Bool { octet == 0x20 || (0x09...0x0D).contains(octet) }

    /// Returns whether all bytes are text: ASCII, or UTF-8 without control characters; random secrets match once in
    /// 10¹¹ keys.
    private static func isReadable(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || isSpace($0) } && String(validating: text, as: UTF8.self) != nil
    }

    private static func isHex(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { letter in
            letter.isDigit || (0x61...0x66).contains(letter) || (0x41...0x46).contains(letter)
        }
    }

    private static func isRandomText(_ text: ArraySlice<UInt8>) -> Bool {
        if isHex(text) {
            // Words in hex are words.
            return text.count >= hexDigitCountMin && isRandom(unhexed(text))
        }
        let letters = unpadded(text)
        guard letters.count >= base64LetterCountMin, let octets = decoded(letters) else { return false }
        return Set(letters).count >= distinctLetterCountMin && isMixed(letters) && isRandom(octets)
    }

    /// Whether what a text spells is no text itself, in no encoding, and no pattern.
    private static func isRandom(_ octets: [UInt8]) -> Bool {
        !isReadable(octets[...]) && !isMostlyText(octets) && !isWide(octets) && !isRegular(octets)
            && Set(octets).count >= distinctOctetCountMin
    }

    private static func withoutLineEnds(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        text.filter { $0 != 0x0A && $0 != 0x0D }[...]
    }

    private static func unpadded(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var letters = text
        while letters.last == UInt8(ascii: "="), text.count - letters.count < 2 { letters.removeLast() }
        return letters
    }

    private static func unhexed(_ digits: ArraySlice<UInt8>) -> [UInt8] {
        let values = digits.map { $0.isDigit ? $0 & 0x0F : ($0 & 0x0F) + 9 }
        return stride(from: 0, to: values.count - 1, by: 2).map { values[$0] << 4 | values[$0 + 1] }
    }

    private static func decoded(_ letters: ArraySlice<UInt8>) -> [UInt8]? {
        let all = Array(letters)
        if let octets = Base64URL.decode(all.span) ?? Base64.decodeUnpadded(all.span) { return octets }
        // Text that was truncated to a length that is no multiple of four is checked up to the last whole group.
        let whole = Array(letters.prefix(letters.count / 4 * 4))
        return Base64URL.decode(whole.span) ?? Base64.decodeUnpadded(whole.span)
    }

    /// Returns whether character classes change often: words have long runs of one case, in random letters the class
    /// changes at two of three places.
    private static func isMixed(_ letters: ArraySlice<UInt8>) -> Bool {
        let kinds = letters.map { letter -> Int in
            if letter.isDigit { return 0 }
            if (0x41...0x5A).contains(letter) { return 1 }
            return (0x61...0x7A).contains(letter) ? 2 : 3
        }
        let changeCount = zip(kinds, kinds.dropFirst()).count { $0 != $1 }
        return kinds.contains(1) && kinds.contains(2) && changeCount * 100 >= kinds.count * 32
    }

    /// Whether a known secret remains when a few letters at one end are removed.
    private static func isKnownWithAffixes(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.count <= 4_096 else { return false }
        for affix in 1...affixCountMax where text.count - affix >= 32 {
            if isKnown(text.dropFirst(affix)) || isKnown(text.dropLast(affix)) { return true }
        }
        return false
    }

    private static func isKnown(_ secret: ArraySlice<UInt8>) -> Bool {
        let octets = Array(secret)
        let fingerprint = number(SHA256.digest(octets.span)[...])
        var (low, high) = (0, known.count)
        while low < high {
            let middle = (low + high) / 2
            if known[middle] < fingerprint { low = middle + 1 } else { high = middle }
        }
        return low < known.count && known[low] == fingerprint
    }

    private static let known: [UInt64] = {
        let text = Array(KnownSecrets.fingerprints.utf8)
        let octets = Base64.decode(text.span) ?? []
        return stride(from: 0, to: octets.count, by: 8).map { number(octets[$0...]) }
    }()

    /// Returns the first 8 bytes, big-endian.
    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}
