import COpenSSL

/// Builds an EVP_PKEY from its numbers (OSSL_PARAM_BLD, EVP_PKEY_fromdata). Must not be stored beyond a call.
@safe struct KeyBuilder: ~Copyable {
    private let type: StaticString
    private let builder: OpaquePointer
    /// The builder refers to the numbers and bytes until the key is made, so they must live as long.
    private var numbers: [OpaquePointer] = unsafe []
    private var octets: [UnsafeMutableBufferPointer<UInt8>] = unsafe []

    /// - Parameter type: OpenSSL's name of the key type.
    init(_ type: StaticString) throws(CryptoError) {
        guard let builder = unsafe OSSL_PARAM_BLD_new() else { throw .drained(from: "OSSL_PARAM_BLD_new") }
        self.type = type
        unsafe self.builder = builder
    }

    deinit {
        unsafe OSSL_PARAM_BLD_free(builder)
        unsafe numbers.forEach { unsafe BN_clear_free($0) }
        unsafe octets.forEach { unsafe $0.deallocate() }
    }

    /// - Parameter name: static, because the builder keeps the pointer.
    mutating func push(_ name: StaticString, number: [UInt8]) throws(CryptoError) {
        guard let byteCount = Int32(exactly: number.count) else { throw .inconsistent(reason: "an over-long number") }
        guard let number = unsafe BN_bin2bn(number, byteCount, nil) else { throw .drained(from: "BN_bin2bn") }
        unsafe numbers.append(number)
        let status = unsafe OSSL_PARAM_BLD_push_BN(builder, name.cString, number)
        guard status == 1 else { throw .drained(from: "OSSL_PARAM_BLD_push_BN") }
    }

    /// Adds bytes that are not secret.
    mutating func push(_ name: StaticString, octets text: [UInt8]) throws(CryptoError) {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
        _ = unsafe copy.initialize(from: text)
        unsafe octets.append(copy)
        let status = unsafe OSSL_PARAM_BLD_push_octet_string(builder, name.cString, copy.baseAddress, copy.count)
        guard status == 1 else { throw .drained(from: "OSSL_PARAM_BLD_push_octet_string") }
    }

    mutating func push(_ name: StaticString, text: StaticString) throws(CryptoError) {
        let status = unsafe OSSL_PARAM_BLD_push_utf8_string(builder, name.cString, text.cString, 0)
        guard status == 1 else { throw .drained(from: "OSSL_PARAM_BLD_push_utf8_string") }
    }

    consuming func key(selection: Int32) throws(CryptoError) -> KeyHandle {
        guard let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else {
            throw .drained(from: "OSSL_PARAM_BLD_to_param")
        }
        defer { unsafe OSSL_PARAM_free(parameters) }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type.cString, nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_name")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_fromdata_init(context) == 1 else { throw .drained(from: "EVP_PKEY_fromdata_init") }
        var raw: OpaquePointer?
        guard unsafe EVP_PKEY_fromdata(context, &raw, selection, parameters) == 1, let raw = unsafe raw else {
            throw .drained(from: "EVP_PKEY_fromdata")
        }
        return unsafe KeyHandle(owning: raw)
    }
}

extension KeyHandle {
    /// - Throws: `.notOnCurve` if the coordinates are not a usable point.
    static func make(_ numbers: PublicNumbers) throws(CryptoError) -> KeyHandle {
        switch numbers {
        case .rsa(let key):
            var builder = try KeyBuilder("RSA")
            try builder.push("n", number: key.modulus)
            try builder.push("e", number: key.exponent)
            return try builder.key(selection: martlet_selection_public())
        case .ec(let point):
            var builder = try KeyBuilder("EC")
            try builder.push("group", text: point.curve.groupName)
            try builder.push("pub", octets: point.uncompressed)
            let key: KeyHandle
            do { key = try builder.key(selection: martlet_selection_public()) } catch { throw .notOnCurve(point.curve) }
            guard key.isPublicHalfValid() else { throw .notOnCurve(point.curve) }
            return key
        case .ed25519(let key):
            let raw = unsafe key.octets.withUnsafeBufferPointer {
                unsafe EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, $0.baseAddress, $0.count)
            }
            guard let raw = unsafe raw else { throw .drained(from: "EVP_PKEY_new_raw_public_key_ex") }
            return unsafe KeyHandle(owning: raw)
        }
    }

    /// - Throws: `.inconsistent` unless both halves are one valid key.
    static func make(_ numbers: PrivateNumbers) throws(CryptoError) -> KeyHandle {
        let key: KeyHandle
        switch numbers {
        case .rsa(let components):
            var builder = try KeyBuilder("RSA")
            let members: [(StaticString, [UInt8])] = [
                ("n", components.publicHalf.modulus), ("e", components.publicHalf.exponent), ("d", components.d),
                ("rsa-factor1", components.p), ("rsa-factor2", components.q), ("rsa-exponent1", components.dp),
                ("rsa-exponent2", components.dq), ("rsa-coefficient1", components.qi),
            ]
            for (name, number) in members { try builder.push(name, number: number) }
            key = try builder.key(selection: martlet_selection_keypair())
            try RSAConsistency.check(components)
            return key
        case .ec(let numbers):
            _ = try make(.ec(numbers.publicHalf))
            var builder = try KeyBuilder("EC")
            try builder.push("group", text: numbers.publicHalf.curve.groupName)
            try builder.push("pub", octets: numbers.publicHalf.uncompressed)
            try builder.push("priv", number: numbers.d)
            do { key = try builder.key(selection: martlet_selection_keypair()) } catch {
                throw .inconsistent(reason: "\(error)")
            }
        case .ed25519(let octets):
            let raw = unsafe octets.seed.withUnsafeBufferPointer {
                unsafe EVP_PKEY_new_raw_private_key_ex(nil, "ED25519", nil, $0.baseAddress, $0.count)
            }
            guard let raw = unsafe raw else { throw .drained(from: "EVP_PKEY_new_raw_private_key_ex") }
            key = unsafe KeyHandle(owning: raw)
            // OpenSSL computes the public half itself and does not compare it.
            guard try key.ed25519PublicOctets() == octets.publicHalf.octets else {
                throw .inconsistent(reason: "the public key belongs to a different private key")
            }
            return key
        }
        try key.checkConsistency()
        return key
    }

    func ed25519PublicOctets() throws(CryptoError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: Ed25519PublicBytes.byteCount)
        var count = octets.count
        guard unsafe EVP_PKEY_get_raw_public_key(raw, &octets, &count) == 1, count == octets.count else {
            throw .drained(from: "EVP_PKEY_get_raw_public_key")
        }
        return octets
    }

    func ed25519Seed() throws(CryptoError) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: Ed25519PublicBytes.byteCount)
        var count = octets.count
        guard unsafe EVP_PKEY_get_raw_private_key(raw, &octets, &count) == 1, count == octets.count else {
            throw .drained(from: "EVP_PKEY_get_raw_private_key")
        }
        return octets
    }
}
