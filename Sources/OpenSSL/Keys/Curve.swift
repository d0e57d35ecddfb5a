/// The elliptic curves of ECDSA in JOSE, by their registered names (RFC 7518 §6.2.1.1).
package enum Curve: String, CaseIterable, Sendable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The length in bytes of one coordinate, of the private number, and of each half of a signature.
    package var coordinateByteCount: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }

    package var hash: HashFunction {
        switch self {
        case .p256: .sha256
        case .p384: .sha384
        case .p521: .sha512
        }
    }

    /// The curve's name in OpenSSL.
    var groupName: StaticString {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }
}

/// A public key of ECDSA: two coordinates of full length. ``VerifyingKey`` checks that they are on the curve.
package struct ECPublicPoint: Equatable, Sendable {
    package let curve: Curve
    package let x: [UInt8]
    package let y: [UInt8]

    /// - Throws: `.coordinateSize` unless both are as long as the curve's field (RFC 7518 §6.2.1.2).
    package init(curve: Curve, x: [UInt8], y: [UInt8]) throws(CryptoError) {
        for coordinate in [x, y] where coordinate.count != curve.coordinateByteCount {
            throw .coordinateSize(curve, byteCount: coordinate.count)
        }
        self.curve = curve
        self.x = x
        self.y = y
    }

    /// The uncompressed point (SEC 1 §2.3.3).
    var uncompressed: [UInt8] { [4] + x + y }
}

/// A private key of ECDSA.
package struct ECPrivateNumbers: Sendable {
    package let publicHalf: ECPublicPoint
    package let d: [UInt8]

    /// - Throws: `.coordinateSize` (RFC 7518 §6.2.2.1).
    package init(publicHalf: ECPublicPoint, d: [UInt8]) throws(CryptoError) {
        guard d.count == publicHalf.curve.coordinateByteCount else {
            throw .coordinateSize(publicHalf.curve, byteCount: d.count)
        }
        self.publicHalf = publicHalf
        self.d = d
    }
}

/// A public key of Ed25519 (RFC 8032 §5.1.5).
package struct Ed25519PublicBytes: Equatable, Sendable {
    package static let byteCount = 32

    package let octets: [UInt8]

    /// - Throws: `.ed25519Size`; `.smallOrder` for the few points under which an attacker can sign any message.
    package init(_ octets: [UInt8]) throws(CryptoError) {
        guard octets.count == Self.byteCount else { throw .ed25519Size(byteCount: octets.count) }
        var unsigned = octets
        unsigned[Self.byteCount - 1] &= 0x7F
        guard !Self.smallOrder.contains(unsigned) else { throw .smallOrder }
        self.octets = octets
    }

    /// The y of every point whose order divides 8, with every encoding that fits 255 bits: 0, 1, p−1, p, p+1 and the
    /// two of order 8; the sign of x is omitted.
    private static let smallOrder: [[UInt8]] = [
        [0] + tail(0), [1] + tail(0), edge(0xEC), edge(0xED), edge(0xEE),
        [
            0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
            0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
        ],
        [
            0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
            0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A,
        ],
    ]

    private static func tail(_ octet: UInt8) -> [UInt8] { [UInt8](repeating: octet, count: byteCount - 1) }
    private static func edge(_ first: UInt8) -> [UInt8] {
        [first] + [UInt8](repeating: 0xFF, count: byteCount - 2) + [0x7F]
    }
}

/// A private key of Ed25519.
package struct Ed25519PrivateBytes: Sendable {
    package let publicHalf: Ed25519PublicBytes
    package let seed: [UInt8]

    /// - Throws: `.ed25519Size`.
    package init(publicHalf: Ed25519PublicBytes, seed: [UInt8]) throws(CryptoError) {
        guard seed.count == Ed25519PublicBytes.byteCount else { throw .ed25519Size(byteCount: seed.count) }
        self.publicHalf = publicHalf
        self.seed = seed
    }
}
