import COpenSSL

/// Owns one X509, which is never modified.
@safe final class CertificateHandle {
    let raw: OpaquePointer

    /// Takes ownership of the caller's reference.
    init(owning raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit { unsafe X509_free(raw) }
}

/// Reads and writes PEM (RFC 7468) in memory.
enum PEM {
    /// Returns every certificate of `text`, in its order.
    /// - Returns: an empty list if there is none, or if one cannot be parsed; OpenSSL's error queue then has the
    ///   reason.
    static func certificates(_ text: [UInt8]) -> [CertificateHandle] {
        ERR_clear_error()
        return unsafe withBIO(text) { bio in
            var found: [CertificateHandle] = []
            while let raw = unsafe PEM_read_bio_X509(bio, nil, refusePassphrase, nil) {
                found.append(unsafe CertificateHandle(owning: raw))
            }
            // The end of the text is reported as an error, but is not one.
            let isEnd = !found.isEmpty && martlet_is_pem_end(ERR_peek_last_error()) == 1
            if isEnd { ERR_clear_error() }
            return isEnd ? found : []
        } ?? []
    }

    /// Returns the first private key of `text`; a key with a passphrase is not supported.
    static func privateKey(_ text: [UInt8]) -> KeyHandle? {
        ERR_clear_error()
        return unsafe withBIO(text) { bio in
            guard let raw = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, nil) else { return nil }
            return unsafe KeyHandle(owning: raw)
        }
    }

    /// One block of a PEM text, decoded from base64.
    struct Block {
        let label: String
        let content: [UInt8]
        let isEncrypted: Bool

        var isCertificate: Bool { label == "CERTIFICATE" || label == "X509 CERTIFICATE" }
    }

    /// The maximum number of blocks in a text: a key or a chain of certificates.
    private static let blockCountMax = 16

    /// Returns every block of `text`, of any label.
    /// - Throws: `.unusableKey` for a text with a broken block or without blocks.
    static func blocks(_ text: [UInt8]) throws(CryptoError) -> [Block] {
        ERR_clear_error()
        defer { ERR_clear_error() }
        var blocks: [Block] = []
        let isRead = unsafe withBIO(text) { bio in
            while blocks.count < blockCountMax {
                guard let block = unsafe block(bio) else {
                    // The end of the text is reported as an error, but is not one.
                    return martlet_is_pem_end(ERR_peek_last_error()) == 1
                }
                blocks.append(block)
            }
            return false
        }
        guard isRead == true, !blocks.isEmpty else { throw .unusableKey(reason: "a PEM text that cannot be read") }
        return blocks
    }

    private static func block(_ bio: OpaquePointer) -> Block? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var content: UnsafeMutablePointer<UInt8>?
        var byteCount = 0
        guard unsafe PEM_read_bio(bio, &name, &header, &content, &byteCount) == 1 else { return nil }
        defer {
            unsafe martlet_free(name)
            unsafe martlet_free(header)
            unsafe martlet_clear_free(content, byteCount)
        }
        guard let name = unsafe name, let header = unsafe header, let content = unsafe content else { return nil }
        let label = unsafe String(cString: name)
        return Block(
            label: label,
            content: unsafe Array(UnsafeBufferPointer(start: content, count: byteCount)),
            isEncrypted: unsafe header.pointee != 0 || label == "ENCRYPTED PRIVATE KEY")
    }

    /// Returns the bytes that `write` puts into a memory BIO.
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

/// Supplies no passphrase; without this callback OpenSSL would prompt on the terminal.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
