/// The numbers of an RSA public key, big-endian and without leading zeros (RFC 7518 §6.3.1).
package struct RSAPublicComponents: Equatable, Sendable {
    package static let bitCountRange = 2_048...8_192

    package let modulus: [UInt8]
    package let exponent: [UInt8]

    /// - Throws: `.modulusSize`, `.publicExponent`, `.predictableModulus`.
    package init(modulus: [UInt8], exponent: [UInt8]) throws(CryptoError) {
        let bitCount = bigEndianBitCount(modulus)
        guard Self.bitCountRange.contains(bitCount) else { throw .modulusSize(bitCount: bitCount) }
        // An even modulus is not a product of two odd primes, and OpenSSL's arithmetic requires an odd one.
        guard let last = modulus.last, last & 1 == 1 else { throw .inconsistent(reason: "the modulus is even") }
        let exponentBitCount = bigEndianBitCount(exponent)
        guard let lowest = exponent.last, lowest & 1 == 1, (2...64).contains(exponentBitCount) else {
            throw .publicExponent
        }
        guard !Self.isPredictable(modulus) else { throw .predictableModulus }
        self.modulus = Array(modulus.drop { $0 == 0 })
        self.exponent = Array(exponent.drop { $0 == 0 })
    }
}

extension RSAPublicComponents {
    /// Detects moduli of a widespread generator whose keys can be factored (CVE-2017-15361): modulo every small prime
    /// they are a power of 65537. A random modulus matches about once in 2^150.
    private static func isPredictable(_ modulus: [UInt8]) -> Bool {
        smallPrimes.allSatisfy { prime in
            let rest = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
            var power = 1
            for _ in 1..<prime {
                if power == rest { return true }
                power = power * 65_537 % prime
            }
            return false
        }
    }

    private static let smallPrimes = (3...167).filter { number in
        number % 2 == 1 && !stride(from: 3, to: number, by: 2).contains { number % $0 == 0 }
    }
}

/// The numbers of an RSA private key with two primes, named as in a JWK (RFC 7518 §6.3.2).
package struct RSAPrivateComponents: Sendable {
    package let publicHalf: RSAPublicComponents
    package let d: [UInt8]
    package let p: [UInt8]
    package let q: [UInt8]
    package let dp: [UInt8]
    package let dq: [UInt8]
    package let qi: [UInt8]

    package init(
        publicHalf: RSAPublicComponents, d: [UInt8], p: [UInt8], q: [UInt8], dp: [UInt8], dq: [UInt8], qi: [UInt8]
    ) {
        self.publicHalf = publicHalf
        self.d = d
        self.p = p
        self.q = q
        self.dp = dp
        self.dq = dq
        self.qi = qi
    }
}

func bigEndianBitCount(_ octets: [UInt8]) -> Int {
    let significant = octets.drop { $0 == 0 }
    guard let first = significant.first else { return 0 }
    return significant.count * 8 - first.leadingZeroBitCount
}
