import COpenSSL

/// Prepares the contexts for signing and verifying: one key with a fixed algorithm.
enum SignatureContext {
    /// - Returns: a context that the caller owns.
    static func make(
        _ key: KeyHandle, _ algorithm: SignatureAlgorithm, begin: (OpaquePointer) -> Int32
    ) throws(CryptoError) -> OpaquePointer {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key.raw, nil) else {
            throw .drained(from: "EVP_PKEY_CTX_new_from_pkey")
        }
        let isReady =
            switch algorithm {
            case .rsaPKCS1(let hash):
                unsafe begin(context) == 1
                    && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
                    && EVP_PKEY_CTX_set_signature_md(context, FetchedAlgorithms.digest(hash)) == 1
            case .rsaPSS(let hash):
                unsafe begin(context) == 1
                    && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
                    && EVP_PKEY_CTX_set_signature_md(context, FetchedAlgorithms.digest(hash)) == 1
                    && EVP_PKEY_CTX_set_rsa_mgf1_md(context, FetchedAlgorithms.digest(hash)) == 1
                    // The salt is as long as the hash, for signing and for verifying.
                    && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
            case .ecdsa(let curve):
                unsafe begin(context) == 1
                    && EVP_PKEY_CTX_set_signature_md(context, FetchedAlgorithms.digest(curve.hash)) == 1
            case .ed25519:
                // Never used: Ed25519 signs the message itself, through a digest context.
                true
            }
        guard isReady else {
            unsafe EVP_PKEY_CTX_free(context)
            throw .drained(from: "EVP_PKEY_CTX")
        }
        return unsafe context
    }
}

/// Converts ECDSA signatures between the two numbers at full length, as in JOSE (RFC 7518 §3.4), and the ASN.1 sequence
/// that OpenSSL uses.
enum ECDSASignature {
    /// - Returns: `nil` unless both numbers have exactly the curve's length and neither is zero.
    static func sequence(_ signature: Span<UInt8>, _ curve: Curve) -> [UInt8]? {
        let half = curve.coordinateByteCount
        guard signature.count == 2 * half else { return nil }
        var content: [UInt8] = []
        content.reserveCapacity(2 * half + 9)
        for start in [0, half] {
            var first = start
            while first < start + half, signature[first] == 0 { first += 1 }
            // A zero is rejected here and not left to the library.
            guard first < start + half else { return nil }
            let isPadded = signature[first] & 0x80 != 0
            content.append(2)
            content.append(UInt8(truncatingIfNeeded: start + half - first + (isPadded ? 1 : 0)))
            if isPadded { content.append(0) }
            for index in first..<(start + half) { content.append(signature[index]) }
        }
        let length = UInt8(truncatingIfNeeded: content.count)
        return (content.count < 128 ? [0x30, length] : [0x30, 0x81, length]) + content
    }

    /// - Returns: `nil` for bytes that OpenSSL does not write for this curve.
    static func numbers(_ sequence: [UInt8], _ curve: Curve) -> [UInt8]? {
        var rest = sequence[...]
        guard rest.popFirst() == 0x30, let length = rest.popFirst() else { return nil }
        if length == 0x81 { rest = rest.dropFirst() }
        var numbers: [UInt8] = []
        numbers.reserveCapacity(2 * curve.coordinateByteCount)
        for _ in 0..<2 {
            guard rest.popFirst() == 2, let count = rest.popFirst(), rest.count >= Int(count) else { return nil }
            let number = rest.prefix(Int(count)).drop { $0 == 0 }
            guard number.count <= curve.coordinateByteCount else { return nil }
            for _ in number.count..<curve.coordinateByteCount { numbers.append(0) }
            numbers.append(contentsOf: number)
            rest = rest.dropFirst(Int(count))
        }
        return rest.isEmpty ? numbers : nil
    }
}
