import COpenSSL

/// Owns one EVP_PKEY.
///
/// `@unchecked Sendable` holds because the key is never modified after it was made (openssl-threads(7)).
@safe final class KeyHandle: @unchecked Sendable {
    let raw: OpaquePointer

    /// Takes over the caller's reference.
    init(owning raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_PKEY_free(raw) }

    static func generateRSA2048() throws(CryptoFault) -> KeyHandle {
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_name")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1 else { throw .drained(from: "EVP_PKEY_keygen_init") }
        guard unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2_048) == 1 else {
            throw .drained(from: "EVP_PKEY_CTX_set_rsa_keygen_bits")
        }
        var raw: OpaquePointer?
        guard unsafe EVP_PKEY_generate(context, &raw) == 1, let raw = unsafe raw else {
            throw .drained(from: "EVP_PKEY_generate")
        }
        return unsafe KeyHandle(owning: raw)
    }

    func copy() throws(CryptoFault) -> KeyHandle {
        guard let copy = unsafe EVP_PKEY_dup(raw) else { throw .drained(from: "EVP_PKEY_dup") }
        return unsafe KeyHandle(owning: copy)
    }

    /// - Throws: `.inconsistent` unless the private and the public half are one valid key (EVP_PKEY_check).
    func checkConsistency() throws(CryptoFault) {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, raw, nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_pkey")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_check(context) == 1 else { throw .inconsistent(reason: CryptoFault.drainedReason()) }
    }

    /// One of the key's numbers, big-endian and without leading zeros (EVP_PKEY_get_bn_param).
    func number(_ name: StaticString) throws(CryptoFault) -> [UInt8] {
        var number: OpaquePointer?
        let found = unsafe EVP_PKEY_get_bn_param(
            raw, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), &number)
        guard found == 1, let number = unsafe number else { throw .drained(from: "EVP_PKEY_get_bn_param") }
        defer { unsafe BN_clear_free(number) }
        let byteCount = (Int(unsafe BN_num_bits(number)) + 7) / 8
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            unsafe count = Int(BN_bn2bin(number, buffer.baseAddress))
        }
    }
}

/// An EVP_PKEY in the making from its numbers (OSSL_PARAM_BLD, EVP_PKEY_fromdata). Lives and dies inside a call.
@safe struct KeyBuilder: ~Copyable {
    private let builder: OpaquePointer
    /// The builder refers to the numbers until the key is made, so they live as long.
    private var numbers: [OpaquePointer] = unsafe []

    init() throws(CryptoFault) {
        guard let builder = unsafe OSSL_PARAM_BLD_new() else { throw .drained(from: "OSSL_PARAM_BLD_new") }
        unsafe self.builder = builder
    }

    deinit {
        unsafe OSSL_PARAM_BLD_free(builder)
        unsafe numbers.forEach { unsafe BN_clear_free($0) }
    }

    /// - Parameter name: static, because the builder keeps the pointer.
    mutating func push(_ name: StaticString, _ octets: [UInt8]) throws(CryptoFault) {
        guard let byteCount = Int32(exactly: octets.count) else { throw .inconsistent(reason: "an over-long number") }
        guard let number = unsafe BN_bin2bn(octets, byteCount, nil) else { throw .drained(from: "BN_bin2bn") }
        unsafe numbers.append(number)
        let status = unsafe OSSL_PARAM_BLD_push_BN(
            builder, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), number)
        guard status == 1 else { throw .drained(from: "OSSL_PARAM_BLD_push_BN") }
    }

    consuming func key(selection: Int32) throws(CryptoFault) -> KeyHandle {
        guard let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else {
            throw .drained(from: "OSSL_PARAM_BLD_to_param")
        }
        defer { unsafe OSSL_PARAM_free(parameters) }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "RSA", nil) else {
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

/// What signing and verifying share: a context for one key whose algorithm can no longer change.
enum SignatureContext {
    /// - Returns: a context that the caller owns.
    static func make(
        _ key: KeyHandle, _ algorithm: SignatureAlgorithm, begin: (OpaquePointer) -> Int32
    ) throws(CryptoFault) -> OpaquePointer {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key.raw, nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_pkey")
        }
        let isReady =
            switch algorithm {
            case .rsaPKCS1SHA256:
                unsafe begin(context) == 1
                    && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
                    && EVP_PKEY_CTX_set_signature_md(context, FetchedAlgorithms.sha256) == 1
            }
        guard isReady else {
            unsafe EVP_PKEY_CTX_free(context)
            throw .drained(from: "EVP_PKEY_CTX")
        }
        return unsafe context
    }
}
