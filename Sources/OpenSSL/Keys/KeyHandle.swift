import COpenSSL

/// Owns one EVP_PKEY.
///
/// `@unchecked Sendable` is safe because the key is never modified after it was made (openssl-threads(7)).
@safe final class KeyHandle: @unchecked Sendable {
    let raw: OpaquePointer

    /// Takes ownership of the caller's reference.
    init(owning raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_PKEY_free(raw) }

    /// Generates a private key: RSA of 2048 bits with exponent 65537, or of the algorithm's curve.
    static func generate(for algorithm: SignatureAlgorithm) throws(CryptoError) -> KeyHandle {
        let type: StaticString =
            switch algorithm {
            case .rsaPKCS1, .rsaPSS: "RSA"
            case .ecdsa: "EC"
            case .ed25519: "ED25519"
            }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type.cString, nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_name")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1 else { throw .drained(from: "EVP_PKEY_keygen_init") }
        let isSet =
            switch algorithm {
            case .rsaPKCS1, .rsaPSS: unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2_048) == 1
            case .ecdsa(let curve): unsafe EVP_PKEY_CTX_set_group_name(context, curve.groupName.cString) == 1
            case .ed25519: true
            }
        guard isSet else { throw .drained(from: "EVP_PKEY_CTX") }
        var raw: OpaquePointer?
        guard unsafe EVP_PKEY_generate(context, &raw) == 1, let raw = unsafe raw else {
            throw .drained(from: "EVP_PKEY_generate")
        }
        return unsafe KeyHandle(owning: raw)
    }

    func copy() throws(CryptoError) -> KeyHandle {
        guard let copy = unsafe EVP_PKEY_dup(raw) else { throw .drained(from: "EVP_PKEY_dup") }
        return unsafe KeyHandle(owning: copy)
    }

    /// - Throws: `.inconsistent` unless the private and the public half are one valid key (EVP_PKEY_check); for RSA,
    ///   ``RSAConsistency`` is faster.
    func checkConsistency() throws(CryptoError) {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, raw, nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_pkey")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_check(context) == 1 else { throw .inconsistent(reason: CryptoError.drainedReason()) }
    }

    /// Returns whether the public half is valid by itself: on its curve, and not at infinity (EVP_PKEY_public_check).
    func isPublicHalfValid() -> Bool {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, raw, nil) else { return false }
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        return unsafe EVP_PKEY_public_check(context) == 1
    }

    /// Returns one of the key's numbers, big-endian and without leading zeros (EVP_PKEY_get_bn_param).
    func number(_ name: StaticString) throws(CryptoError) -> [UInt8] {
        guard let number = optionalNumber(name) else { throw .drained(from: "EVP_PKEY_get_bn_param") }
        return number
    }

    /// Returns the same as ``number(_:)``; `nil` for a number that the key does not have.
    func optionalNumber(_ name: StaticString) -> [UInt8]? {
        var number: OpaquePointer?
        let found = unsafe EVP_PKEY_get_bn_param(raw, name.cString, &number)
        guard found == 1, let number = unsafe number else {
            ERR_clear_error()
            return nil
        }
        defer { unsafe BN_clear_free(number) }
        let byteCount = (Int(unsafe BN_num_bits(number)) + 7) / 8
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            unsafe count = Int(BN_bn2bin(number, buffer.baseAddress))
        }
    }

    func isA(_ type: StaticString) -> Bool { unsafe EVP_PKEY_is_a(raw, type.cString) == 1 }

    /// Returns a text of the key's parameters (EVP_PKEY_get_utf8_string_param), such as its group's name.
    func text(_ name: StaticString) -> String? {
        var letters = [CChar](repeating: 0, count: 80)
        var count = 0
        let status = unsafe EVP_PKEY_get_utf8_string_param(raw, name.cString, &letters, letters.count, &count)
        guard status == 1, count < letters.count else {
            ERR_clear_error()
            return nil
        }
        return String(decoding: letters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func integer(_ name: StaticString) -> Int? {
        var number: Int32 = 0
        guard unsafe EVP_PKEY_get_int_param(raw, name.cString, &number) == 1 else {
            ERR_clear_error()
            return nil
        }
        return Int(number)
    }
}

extension StaticString {
    var cString: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
