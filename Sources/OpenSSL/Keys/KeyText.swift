import COpenSSL

/// A key parsed from PEM (RFC 7468) or DER: a public key, a private key, or the key of a certificate.
package struct KeyText: Sendable {
    /// The padding that an RSA key is restricted to (RFC 4055 §3.1).
    package enum Restriction: Equatable, Sendable {
        case none
        /// An RSASSA-PSS key, with the hash that its parameters specify.
        case pss(HashFunction?)
    }

    package let publicNumbers: PublicNumbers
    /// `nil` for a public key or a certificate.
    package let privateNumbers: PrivateNumbers?
    package let restriction: Restriction

    package static let byteCountMax = 65_536

    /// Returns whether the bytes look like PEM, so that they are never used as a raw secret.
    package static func isPEM(_ bytes: Span<UInt8>) -> Bool {
        let marker = Array("-----BEGIN".utf8)
        guard bytes.count >= marker.count else { return false }
        return (0...(bytes.count - marker.count)).contains { start in
            marker.indices.allSatisfy { bytes[start + $0] == marker[$0] }
        }
    }

    /// Parses the one key of the text. After a certificate its chain may follow.
    ///
    /// - Throws: `.unusableKey` with the reason, or the error of the key's own numbers.
    package init(parsing bytes: Span<UInt8>) throws(CryptoError) {
        guard bytes.count <= Self.byteCountMax else { throw .unusableKey(reason: "more than 64 KiB") }
        let octets = bytes.indices.map { bytes[$0] }
        defer { ERR_clear_error() }
        let key = try Self.isPEM(bytes) ? Self.fromPEM(octets) : Self.fromDER(octets)
        restriction = try key.handle.restriction()
        let publicHalf = try key.handle.publicNumbers()
        // Detects a point that is not on the curve here instead of at the first signature.
        if case .ec(let point) = publicHalf { _ = try KeyHandle.make(.ec(point)) }
        publicNumbers = publicHalf
        privateNumbers = key.isPrivate ? try key.handle.privateNumbers() : nil
    }
}

extension KeyText {
    private struct Found {
        let handle: KeyHandle
        let isPrivate: Bool
    }

    private static func fromPEM(_ text: [UInt8]) throws(CryptoError) -> Found {
        let blocks = try PEM.blocks(text)
        // `openssl ecparam` writes this block before the key; it only repeats the curve.
        let keys = blocks.filter { $0.label != "EC PARAMETERS" }
        guard let first = keys.first else { throw .unusableKey(reason: "a PEM text without a key") }
        let isChain = keys.allSatisfy { $0.isCertificate }
        guard keys.count == 1 || isChain else {
            throw .unusableKey(reason: "a PEM text of \(keys.count) parts; one key is expected")
        }
        guard !first.isEncrypted else { throw Self.encrypted }
        guard let form = Form(label: first.label) else {
            throw .unusableKey(
                reason: "a PEM text of type \(first.label.prefix(40)), which contains no key for signatures")
        }
        guard let handle = read(first.content, form) else {
            let reason = CryptoError.drainedReason()
            throw .unusableKey(reason: "\(form.text) that cannot be read or is not RSA, EC or Ed25519: \(reason)")
        }
        return Found(handle: handle, isPrivate: form == .privateKey)
    }

    private static func fromDER(_ octets: [UInt8]) throws(CryptoError) -> Found {
        for form in [Form.publicKey, .privateKey, .certificate] {
            if let handle = read(octets, form) { return Found(handle: handle, isPrivate: form == .privateKey) }
        }
        guard !isEncryptedDER(octets) else { throw encrypted }
        throw .unusableKey(reason: "neither PEM, JWK nor DER")
    }

    private static let encrypted = CryptoError.unusableKey(
        reason: "a private key encrypted with a passphrase. Decrypt it first: openssl pkey -in FILE -out DECRYPTED")

    /// Returns whether this is an EncryptedPrivateKeyInfo (RFC 5958 §3): a sequence of an algorithm and encrypted
    /// bytes.
    private static func isEncryptedDER(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            guard let raw = unsafe d2i_X509_SIG(nil, &cursor, buffer.count) else { return false }
            unsafe X509_SIG_free(raw)
            return true
        }
    }

    /// The encodings that can contain a key.
    private enum Form {
        case publicKey, rsaPublicKey, privateKey, certificate

        init?(label: String) {
            switch label {
            case "PUBLIC KEY": self = .publicKey
            case "RSA PUBLIC KEY": self = .rsaPublicKey
            case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY": self = .privateKey
            case "CERTIFICATE", "X509 CERTIFICATE": self = .certificate
            default: return nil
            }
        }

        var text: String {
            switch self {
            case .publicKey, .rsaPublicKey: "a public key"
            case .privateKey: "a private key"
            case .certificate: "a certificate"
            }
        }
    }

    /// - Returns: `nil` also if bytes follow the key.
    private static func read(_ octets: [UInt8], _ form: Form) -> KeyHandle? {
        unsafe octets.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            let raw =
                switch form {
                case .publicKey: unsafe d2i_PUBKEY(nil, &cursor, buffer.count)
                case .rsaPublicKey: unsafe d2i_PublicKey(EVP_PKEY_RSA, nil, &cursor, buffer.count)
                case .privateKey: unsafe d2i_AutoPrivateKey(nil, &cursor, buffer.count)
                case .certificate: unsafe certificateKey(&cursor, buffer.count)
                }
            guard let raw = unsafe raw else { return nil }
            let handle = unsafe KeyHandle(owning: raw)
            guard let end = unsafe cursor, let start = buffer.baseAddress, unsafe end - start == buffer.count else {
                return nil
            }
            return handle
        }
    }

    private static func certificateKey(_ cursor: inout UnsafePointer<UInt8>?, _ count: Int) -> OpaquePointer? {
        guard let raw = unsafe d2i_X509(nil, &cursor, count) else { return nil }
        let certificate = unsafe CertificateHandle(owning: raw)
        return unsafe X509_get_pubkey(certificate.raw)
    }
}

extension KeyHandle {
    /// - Throws: `.unusableKey` for PSS parameters that no JOSE algorithm has.
    fileprivate func restriction() throws(CryptoError) -> KeyText.Restriction {
        guard isA("RSA-PSS") else { return .none }
        // OpenSSL reports a salt length exactly if the key has parameters, and omits values that are the default,
        // SHA-1.
        guard let saltByteCount = integer("saltlen") else { return .pss(nil) }
        let names = (text("digest") ?? "SHA1", text("mgf1-digest") ?? "SHA1")
        let hash = HashFunction.allCases.first { ["\($0.name)", "SHA2-\($0.byteCount * 8)"].contains(names.0) }
        guard let hash, names.1 == names.0, saltByteCount <= hash.byteCount else {
            throw .unusableKey(
                reason: "an RSA-PSS key for \(names.0), MGF1 with \(names.1) and salts of \(saltByteCount) bytes; "
                    + "JOSE requires one hash for both and a salt of the same length")
        }
        return .pss(hash)
    }
}

extension KeyText {
    /// Returns the SubjectPublicKeyInfo in PEM (RFC 7468 §13).
    package static func pem(_ numbers: PublicNumbers) throws(CryptoError) -> [UInt8] {
        let key = try KeyHandle.make(numbers)
        guard let text = unsafe PEM.text({ unsafe PEM_write_bio_PUBKEY($0, key.raw) }) else {
            throw .drained(from: "PEM_write_bio_PUBKEY")
        }
        return text
    }

    /// Returns the private key in PKCS #8 PEM, without a passphrase (RFC 7468 §10).
    package static func pem(_ pair: SigningKey) throws(CryptoError) -> [UInt8] {
        let key = pair.handle
        guard let text = unsafe PEM.text({ unsafe PEM_write_bio_PKCS8PrivateKey($0, key.raw, nil, nil, 0, nil, nil) })
        else { throw .drained(from: "PEM_write_bio_PKCS8PrivateKey") }
        return text
    }
}
