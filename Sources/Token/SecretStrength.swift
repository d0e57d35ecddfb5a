import Octets
import OpenSSL

/// Refuses HMAC secrets that nobody can have drawn at random (B5), that attackers know, and public keys in disguise (B3).
///
/// Octets from a random generator pass as they are, in hex, and in base64 of either alphabet. Any other text is somebody's words,
/// a UUID, or a password: 32 letters of it hold far less than 256 bits, however long it looks. 32 random octets fail about once
/// in 10²⁰ keys, their spelling in hex about once in 10⁹, and in base64 about once in 30,000.
enum SecretStrength {
    private static let distinctOctetCountMin = 12
    /// More than there are decimal digits, and few enough for 64 hex digits.
    private static let distinctHexDigitCountMin = 11
    /// Below this a text holds less than 256 bits.
    private static let hexDigitCountMin = 64
    private static let base64LetterCountMin = 43
    private static let distinctLetterCountMin = 18

    static func isAcceptable(_ secret: [UInt8]) -> Bool {
        let text = trimmed(secret)
        // Of hex only the digits count, and not the line's end.
        let isVaried =
            isHex(text) ? Set(text).count >= distinctHexDigitCountMin : Set(secret).count >= distinctOctetCountMin
        guard isVaried, !isSequence(secret), !looksLikeKey(secret) else { return false }
        guard !isKnown(text), !isKnown(ArraySlice(secret)) else { return false }
        return isReadable(text) ? isRandomText(text) : true
    }

    /// Octets that rise or fall by one fixed step, such as 00 01 02 …
    private static func isSequence(_ secret: [UInt8]) -> Bool {
        guard let first = secret.first, let second = secret.dropFirst().first else { return true }
        let step = second &- first
        return zip(secret, secret.dropFirst()).allSatisfy { $1 &- $0 == step }
    }

    /// PEM, JWK and OpenSSH texts, and DER sequences that fill the secret.
    static func looksLikeKey(_ secret: [UInt8]) -> Bool {
        let text = secret.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let isText = ["-----BEGIN", "ssh-"].contains { text.starts(with: $0.utf8) }
        let isJWK = text.first == UInt8(ascii: "{") && String(decoding: text, as: UTF8.self).contains("\"kty\"")
        let isSequence =
            secret.count >= 4 && secret.starts(with: [0x30, 0x82])
            && Int(secret[2]) << 8 | Int(secret[3]) == secret.count - 4
        return isText || isJWK || isSequence
    }

    /// Without the white space that an editor leaves at the ends.
    private static func trimmed(_ secret: [UInt8]) -> ArraySlice<UInt8> {
        var text = secret.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    private static func isSpace(_ octet: UInt8) -> Bool { octet == 0x20 || (0x09...0x0D).contains(octet) }

    /// Whether everything is text: ASCII, or UTF-8 without control characters, which random octets are once in 10¹¹ keys.
    private static func isReadable(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { $0 >= 0x20 && $0 != 0x7F } && String(validating: text, as: UTF8.self) != nil
    }

    private static func isHex(_ text: ArraySlice<UInt8>) -> Bool {
        text.allSatisfy { letter in
            letter.isDigit || (0x61...0x66).contains(letter) || (0x41...0x46).contains(letter)
        }
    }

    private static func isRandomText(_ text: ArraySlice<UInt8>) -> Bool {
        if isHex(text) { return text.count >= hexDigitCountMin }
        var letters = text
        while letters.last == UInt8(ascii: "="), text.count - letters.count < 2 { letters.removeLast() }
        guard letters.count >= base64LetterCountMin, let octets = decoded(letters) else { return false }
        return Set(letters).count >= distinctLetterCountMin && isMixed(letters) && !isReadable(octets[...])
    }

    private static func decoded(_ letters: ArraySlice<UInt8>) -> [UInt8]? {
        // What was cut off at a convenient length is no whole base64, but as good.
        let whole = Array(letters.prefix(letters.count / 4 * 4))
        return Base64URL.decode(whole.span) ?? Base64.decodeUnpadded(whole.span)
    }

    /// Words have long runs of one case; in random letters the kind changes at two of three places.
    private static func isMixed(_ letters: ArraySlice<UInt8>) -> Bool {
        let kinds = letters.map { letter -> Int in
            if letter.isDigit { return 0 }
            if (0x41...0x5A).contains(letter) { return 1 }
            return (0x61...0x7A).contains(letter) ? 2 : 3
        }
        let changeCount = zip(kinds, kinds.dropFirst()).count { $0 != $1 }
        return kinds.contains(1) && kinds.contains(2) && changeCount * 100 >= kinds.count * 32
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

    /// The first 8 octets, big-endian.
    private static func number(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}
