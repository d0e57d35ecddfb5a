/// Refuses HMAC secrets that nobody can have drawn at random (B5) and public keys in disguise (B3).
///
/// A filter against mistakes, no measure of entropy: 32 random octets fail it about once in 10²⁰ keys.
enum SecretStrength {
    private static let distinctOctetCountMin = 12

    static func isAcceptable(_ secret: [UInt8]) -> Bool {
        Set(secret).count >= distinctOctetCountMin && !isSequence(secret) && !looksLikeKey(secret)
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
}
