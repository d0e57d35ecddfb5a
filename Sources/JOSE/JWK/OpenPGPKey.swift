/// Detects a key packet of OpenPGP (RFC 9580 §5.5), whole or truncated, at the start of some bytes.
///
/// Tag, length, version, time and algorithm alone are too little: one random secret in 30,000 has them by chance. The
/// key material must begin as that algorithm's does, and the length must leave room for it.
enum OpenPGPKey {
    private static let tags: Set<UInt8> = [5, 6, 7, 14]
    /// The most bytes that a packet with a 16,384-bit key takes, with all its private numbers.
    private static let byteCountMax = 16_384

    static func begins(_ octets: [UInt8]) -> Bool {
        guard octets.count > 16, let packet = packet(octets[...]), packet.body.count > 8 else { return false }
        let body = packet.body
        let start = body.startIndex
        let version = body[start]
        // Times from 1991 to 2106.
        guard [3, 4, 6].contains(version), body[start + 1] >= 0x27 else { return false }
        // Version 3 has its days of validity in front of the algorithm.
        let algorithm = start + (version == 3 ? 7 : 5)
        // Version 6 counts the bytes of its material, in four bytes of which the first two are zero.
        let material = body.dropFirst(algorithm + 1 - start)
        guard version == 6 else { return holds(material, algorithm: body[algorithm], byteCount: packet.byteCount) }
        guard material.starts(with: [0, 0]) else { return false }
        return holds(material.dropFirst(4), algorithm: body[algorithm], byteCount: packet.byteCount)
    }

    /// Returns what is there of the body, and the length that the packet states (§4.2); `nil` for that where it states none.
    private static func packet(_ octets: ArraySlice<UInt8>) -> (body: ArraySlice<UInt8>, byteCount: Int?)? {
        guard octets.count > 6, let first = octets.first, first & 0x80 != 0 else { return nil }
        let rest = Array(octets.dropFirst())
        func number(_ count: Int, after start: Int = 0) -> Int {
            rest[start..<(start + count)].reduce(0) { $0 << 8 | Int($1) }
        }
        let (tag, lengthCount, length): (UInt8, Int, Int?)
        if first & 0x40 != 0 {
            tag = first & 0x3F
            switch rest[0] {
            case ..<192: (lengthCount, length) = (1, Int(rest[0]))
            case ..<224: (lengthCount, length) = (2, (number(1) - 192) << 8 + number(1, after: 1) + 192)
            case 255: (lengthCount, length) = (5, number(4, after: 1))
            // A body in parts, which no key has.
            default: return nil
            }
        } else {
            tag = first >> 2 & 0x0F
            switch first & 3 {
            case 0: (lengthCount, length) = (1, number(1))
            case 1: (lengthCount, length) = (2, number(2))
            case 2: (lengthCount, length) = (4, number(4))
            default: (lengthCount, length) = (0, nil)
            }
        }
        guard tags.contains(tag), length.map({ (38...byteCountMax).contains($0) }) ?? true else { return nil }
        return (octets.dropFirst(1 + lengthCount), length)
    }

    /// Returns whether key material begins as that of the algorithm does (§5.5.5).
    private static func holds(_ material: ArraySlice<UInt8>, algorithm: UInt8, byteCount: Int?) -> Bool {
        switch algorithm {
        // RSA, Elgamal and DSA: the first number has at least 512 bits, and its first byte as many as its length says.
        case 1, 2, 3, 16, 17:
            let head = Array(material.prefix(3))
            guard head.count == 3 else { return false }
            let bitCount = Int(head[0]) << 8 | Int(head[1])
            let isLong = (512...16_384).contains(bitCount) && bitCount / 8 <= byteCount ?? byteCountMax
            return isLong && 8 - head[2].leadingZeroBitCount == (bitCount - 1) % 8 + 1
        // Curves by their object identifier: NIST and SECG, Brainpool, Ed25519 and Curve25519.
        case 18, 19, 22:
            let names: [[UInt8]] = [[0x2A, 0x86, 0x48], [0x2B, 0x81, 0x04], [0x2B, 0x24, 0x03], [0x2B, 0x06, 0x01]]
            return (5...12).contains(material.first ?? 0) && names.contains { material.dropFirst().starts(with: $0) }
        // X25519, X448, Ed25519, Ed448: the bytes as they are. Only the length tells, for a public half; the private
        // one has its format of protection behind it, which is 0 for none, and 253 to 255.
        case 25...28:
            let keyByteCount = [25: 32, 26: 56, 27: 32, 28: 57][algorithm] ?? 0
            guard let byteCount else { return false }
            let rest = byteCount - keyByteCount - 6
            return [0, 4].contains(rest) || (keyByteCount...keyByteCount + 64).contains(rest)
        default: return false
        }
    }
}
