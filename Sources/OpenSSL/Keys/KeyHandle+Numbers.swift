import COpenSSL

extension KeyHandle {
    /// - Throws: `.unusableKey`, with the name of the key type, for a type that JOSE signatures do not use.
    func publicNumbers() throws(CryptoError) -> PublicNumbers {
        if isA("RSA") || isA("RSA-PSS") {
            return .rsa(try RSAPublicComponents(modulus: number("n"), exponent: number("e")))
        }
        if isA("EC") {
            let curve = try curve()
            return .ec(
                try ECPublicPoint(
                    curve: curve, x: padded(number("qx"), curve), y: padded(number("qy"), curve)))
        }
        if isA("ED25519") { return .ed25519(try Ed25519PublicBytes(ed25519PublicOctets())) }
        throw .unusableKey(reason: "a key of type \(typeName); only RSA, EC and Ed25519 keys are supported")
    }

    /// - Throws: also for RSA keys with more than two primes (RFC 7518 §6.3.2.7 makes support optional).
    func privateNumbers() throws(CryptoError) -> PrivateNumbers {
        switch try publicNumbers() {
        case .rsa(let publicHalf):
            guard optionalNumber("rsa-factor3") == nil else {
                throw .unusableKey(reason: "an RSA key of more than two primes")
            }
            return .rsa(
                try RSAPrivateComponents(
                    publicHalf: publicHalf, d: number("d"), p: number("rsa-factor1"), q: number("rsa-factor2"),
                    dp: number("rsa-exponent1"), dq: number("rsa-exponent2"), qi: number("rsa-coefficient1")))
        case .ec(let publicHalf):
            return .ec(try ECPrivateNumbers(publicHalf: publicHalf, d: padded(number("priv"), publicHalf.curve)))
        case .ed25519(let publicHalf):
            return .ed25519(try Ed25519PrivateBytes(publicHalf: publicHalf, seed: ed25519Seed()))
        }
    }

    /// Returns the curve. Explicit curve parameters are accepted if OpenSSL recognizes a named curve in all of them,
    /// the generator included.
    private func curve() throws(CryptoError) -> Curve {
        guard let name = text("group") else {
            throw .unusableKey(reason: "an EC key on a curve without a name; only P-256, P-384 and P-521 are supported")
        }
        guard let curve = Curve.allCases.first(where: { "\($0.groupName)" == name || $0.rawValue == name }) else {
            throw .unusableKey(reason: "an EC key on \(name); only P-256, P-384 and P-521 are supported")
        }
        return curve
    }

    private func padded(_ number: [UInt8], _ curve: Curve) -> [UInt8] {
        [UInt8](repeating: 0, count: max(0, curve.coordinateByteCount - number.count)) + number
    }

    private var typeName: String {
        guard let name = unsafe EVP_PKEY_get0_type_name(raw) else { return "unknown" }
        return unsafe String(cString: name)
    }
}
