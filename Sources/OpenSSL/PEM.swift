import COpenSSL

/// Owns one X509 that nothing here modifies.
@safe final class CertificateHandle {
    let raw: OpaquePointer

    /// Takes over the caller's reference.
    init(owning raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit { unsafe X509_free(raw) }
}

/// Reading and writing PEM (RFC 7468) in memory.
enum PEM {
    /// Every certificate of `text`, in its order.
    /// - Returns: nothing where one of them cannot be read; then OpenSSL's error queue says why.
    static func certificates(_ text: [UInt8]) -> [CertificateHandle] {
        ERR_clear_error()
        return unsafe withBIO(text) { bio in
            var found: [CertificateHandle] = []
            while let raw = unsafe PEM_read_bio_X509(bio, nil, refusePassphrase, nil) {
                found.append(unsafe CertificateHandle(owning: raw))
            }
            // The end of the text is the one error that is none.
            let isEnd = !found.isEmpty && martlet_is_pem_end(ERR_peek_last_error()) == 1
            if isEnd { ERR_clear_error() }
            return isEnd ? found : []
        } ?? []
    }

    /// The first private key of `text`; one under a passphrase is not asked for it.
    static func privateKey(_ text: [UInt8]) -> KeyHandle? {
        ERR_clear_error()
        return unsafe withBIO(text) { bio in
            guard let raw = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, nil) else { return nil }
            return unsafe KeyHandle(owning: raw)
        }
    }

    /// What `write` puts into a memory BIO.
    static func text(_ write: (OpaquePointer) -> Int32) -> [UInt8]? {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return nil }
        defer { unsafe BIO_free(bio) }
        guard unsafe write(bio) == 1 else { return nil }
        var octets = [UInt8](repeating: 0, count: 16_384)
        let count = unsafe BIO_read(bio, &octets, Int32(clamping: octets.count))
        return count > 0 ? Array(octets.prefix(Int(count))) : nil
    }

    private static func withBIO<Result>(_ text: [UInt8], _ body: (OpaquePointer) -> Result?) -> Result? {
        guard let byteCount = Int32(exactly: text.count), byteCount > 0 else { return nil }
        return unsafe text.withUnsafeBytes { octets in
            guard let bio = unsafe BIO_new_mem_buf(octets.baseAddress, byteCount) else { return nil }
            defer { unsafe BIO_free(bio) }
            return unsafe body(bio)
        }
    }
}

/// OpenSSL would otherwise ask on the terminal.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
