import COpenSSL

/// Checks that the numbers of an RSA private key belong together.
///
/// EVP_PKEY_check compares the same numbers, but tests each prime 64 times against an adversary who chose it, which takes
/// tens of milliseconds. Here the operator chooses the key, and two bases are enough: a number that is not prime by mistake
/// passes with a probability below 2^-100.
@safe struct RSAConsistency: ~Copyable {
    private let context: OpaquePointer
    /// Owned; freed in `deinit`.
    private var owned: [OpaquePointer] = unsafe []

    private init() throws(CryptoError) {
        guard let context = unsafe BN_CTX_secure_new() else { throw .drained(from: "BN_CTX_secure_new") }
        unsafe self.context = context
    }

    deinit {
        unsafe owned.forEach { unsafe BN_clear_free($0) }
        unsafe BN_CTX_free(context)
    }

    /// - Throws: `.inconsistent` with the first relation that is not true.
    static func check(_ key: RSAPrivateComponents) throws(CryptoError) {
        defer { ERR_clear_error() }
        var arithmetic = try RSAConsistency()
        try arithmetic.check(key)
    }

    private mutating func check(_ key: RSAPrivateComponents) throws(CryptoError) {
        let (p, q) = (unsafe try number(key.p), unsafe try number(key.q))
        guard unsafe isOddPrimeSize(p) && isOddPrimeSize(q) else {
            throw .inconsistent(reason: "p and q are not odd primes")
        }
        let (n, product) = (unsafe try number(key.publicHalf.modulus), unsafe try number([]))
        guard unsafe BN_mul(product, p, q, context) == 1 && BN_cmp(product, n) == 0 else {
            throw .inconsistent(reason: "n is not the product of p and q")
        }
        unsafe try check(p, "p", exponent: key.dp, of: key)
        unsafe try check(q, "q", exponent: key.dq, of: key)
        let (qi, rest) = (unsafe try number(key.qi), unsafe try number([]))
        guard unsafe BN_mod_mul(rest, qi, q, p, context) == 1 && BN_is_one(rest) == 1 && BN_cmp(qi, p) < 0 else {
            throw .inconsistent(reason: "qi is not the inverse of q modulo p")
        }
    }

    /// Checks one prime, and the two exponents modulo the prime minus one.
    private mutating func check(
        _ prime: OpaquePointer, _ name: StaticString, exponent: [UInt8], of key: RSAPrivateComponents
    ) throws(CryptoError) {
        let (below, rest) = (unsafe try number([]), unsafe try number([]))
        guard unsafe BN_sub(below, prime, BN_value_one()) == 1 else { throw .drained(from: "BN_sub") }
        let (d, e) = (unsafe try number(key.d), unsafe try number(key.publicHalf.exponent))
        guard unsafe BN_mod_mul(rest, d, e, below, context) == 1 && BN_is_one(rest) == 1 else {
            throw .inconsistent(reason: "d is not the inverse of e modulo \(name) - 1")
        }
        let reduced = unsafe try number(exponent)
        guard unsafe BN_div(nil, rest, d, below, context) == 1 && BN_cmp(rest, reduced) == 0 else {
            throw .inconsistent(reason: "d\(name) is not d modulo \(name) - 1")
        }
        for base in [2, 3] as [UInt8] {
            // Fermat's test.
            let base = unsafe try number([base])
            guard unsafe BN_mod_exp(rest, base, below, prime, context) == 1 && BN_is_one(rest) == 1 else {
                throw .inconsistent(reason: "\(name) is not prime")
            }
        }
    }

    private func isOddPrimeSize(_ number: OpaquePointer) -> Bool {
        unsafe BN_is_odd(number) == 1 && BN_num_bits(number) > 2
    }

    /// Returns a number that this value owns; nothing is zero.
    private mutating func number(_ octets: [UInt8]) throws(CryptoError) -> OpaquePointer {
        guard let byteCount = Int32(exactly: octets.count), let number = unsafe BN_secure_new() else {
            throw .drained(from: "BN_secure_new")
        }
        unsafe owned.append(number)
        guard unsafe BN_bin2bn(octets, byteCount, number) != nil else { throw .drained(from: "BN_bin2bn") }
        // Calculations then take the same time whatever the number is.
        unsafe BN_set_flags(number, BN_FLG_CONSTTIME)
        return unsafe number
    }
}
