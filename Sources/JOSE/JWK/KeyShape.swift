import OpenSSL

/// Detects asymmetric keys by their encoding, whole or truncated, in the bytes of an HMAC secret: an attacker who knows
/// the public half could sign with such a "secret" (RFC 8725 §2.1).
///
/// Checks binary encodings only; ``SecretStrength`` decodes hex and base64 first.
enum KeyShape {
    /// PEM, JWK, OpenSSH, OpenPGP, COSE, DER and points on a curve.
    static func matches(_ octets: [UInt8]) -> Bool {
        isText(octets) || isOpenSSH(octets) || OpenPGPKey.begins(octets) || isCOSE(octets) || isDER(octets)
            || isPoint(octets)
    }

    private static func isText(_ octets: [UInt8]) -> Bool {
        let text = octets.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let words = ["-----BEGIN", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "PuTTY-User-Key-File"]
        if words.contains(where: { text.starts(with: $0.utf8) }) || KeyText.isPEM(octets.span) { return true }
        return text.first == UInt8(ascii: "{") && String(decoding: text, as: UTF8.self).contains("\"kty\"")
    }

    /// Detects the decoded content of OpenSSH key files: a length-prefixed name (RFC 4253 §6.6), or a private key.
    private static func isOpenSSH(_ octets: [UInt8]) -> Bool {
        if octets.starts(with: "openssh-key-v1".utf8) { return true }
        guard octets.starts(with: [0, 0, 0]), octets.count > 8 else { return false }
        return ["ssh-", "ecds", "sk-s", "sk-e"].contains { octets[4...].starts(with: $0.utf8) }
    }

    /// A map with the type of the key first and its algorithm or curve next (RFC 9052 §7), as in WebAuthn.
    private static func isCOSE(_ octets: [UInt8]) -> Bool {
        octets.count > 4 && 0xA2...0xA8 ~= octets[0] && octets[1] == 1 && 1...4 ~= octets[2]
            && [0x03, 0x20].contains(octets[3])
    }

    /// A point on a curve (SEC 1 §2.3.3): by its first byte and its length, on any curve; without the first byte,
    /// only on a curve for which keys exist.
    private static func isPoint(_ octets: [UInt8]) -> Bool {
        let sizes = [32, 48, 66]
        if sizes.contains(octets.count - 1), [2, 3].contains(octets[0]) { return true }
        if sizes.contains(where: { octets.count == 2 * $0 + 1 }), octets[0] == 4 { return true }
        let coordinates = sizes.contains { octets.count == 2 * $0 + 1 } ? Array(octets.dropFirst()) : octets
        return sizes.contains { coordinates.count == 2 * $0 } && NamedCurves.hold(coordinates)
    }

    // MARK: DER

    /// Detects a SEQUENCE that fills the secret, or one that begins as keys and certificates do.
    private static func isDER(_ octets: [UInt8]) -> Bool {
        guard let outer = element(octets[...]), outer.tag == 0x30 else { return false }
        if outer.end == octets.count, outer.isLong || isSeries(octets[outer.content..<outer.end]) { return true }
        let content = octets[outer.content...]
        guard let first = element(content) else { return false }
        let inner = octets[min(first.content, octets.count)...]
        switch first.tag {
        case 0x30:
            // SubjectPublicKeyInfo and encrypted PKCS #8 begin with an algorithm, certificates with a version or a
            // number.
            if beginsWithOID(inner) || inner.starts(with: [0xA0, 0x03, 0x02, 0x01]) { return true }
            return outer.isLong && first.isLong && inner.first == 0x02
        case 0x02:
            // A version followed by the fields of a private key, or the modulus of an RSA public key.
            let version = inner.first.map { $0 < 4 } ?? false
            let next = octets.dropFirst(first.end).first
            if first.end - first.content == 1, version, let next { return [0x02, 0x04, 0x30].contains(next) }
            return outer.isLong && first.isLong
        default:
            return beginsWithOID(content)
        }
    }

    private struct Element {
        let tag: UInt8
        let content: Int
        /// May be beyond the last byte if the key is truncated.
        let end: Int
        /// Whether the length is in the long form (X.690 §8.1.3.5).
        let isLong: Bool
    }

    private static func element(_ octets: ArraySlice<UInt8>) -> Element? {
        let start = octets.startIndex
        guard octets.count >= 2 else { return nil }
        let first = octets[start + 1]
        guard first >= 0x80 else {
            return Element(tag: octets[start], content: start + 2, end: start + 2 + Int(first), isLong: false)
        }
        // No key has a longer length field; a count of zero is BER's indefinite form.
        let count = Int(first & 0x7F)
        guard count <= 3, octets.count >= 2 + count else { return nil }
        let length = octets[(start + 2)..<(start + 2 + count)].reduce(0) { $0 << 8 | Int($1) }
        guard count == 0 || length >= 0x80 else { return nil }
        return Element(tag: octets[start], content: start + 2 + count, end: start + 2 + count + length, isLong: true)
    }

    /// Returns whether the bytes are a series of elements with tags that keys use, to the end.
    private static func isSeries(_ octets: ArraySlice<UInt8>) -> Bool {
        var rest = octets
        while !rest.isEmpty {
            guard let next = element(rest), next.end <= octets.endIndex, next.end > rest.startIndex,
                [0x02, 0x03, 0x04, 0x05, 0x06, 0x30, 0x31, 0xA0, 0xA1].contains(next.tag)
            else { return false }
            rest = octets[next.end...]
        }
        return true
    }

    /// Detects the object identifiers of ANSI and RSA, Thawte (Ed25519 and related), SECG, and Teletrust.
    private static func beginsWithOID(_ octets: ArraySlice<UInt8>) -> Bool {
        guard octets.first == 0x06, octets.count > 4 else { return false }
        let number = octets.dropFirst(2)
        return [[0x2A, 0x86, 0x48], [0x2B, 0x65], [0x2B, 0x81, 0x04], [0x2B, 0x24, 0x03]].contains {
            number.starts(with: $0 as [UInt8])
        }
    }
}
