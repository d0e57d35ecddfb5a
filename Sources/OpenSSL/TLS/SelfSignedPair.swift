import COpenSSL
package import Platform

/// A certificate for `localhost`, 127.0.0.1 and ::1 with its P-256 key, both in PEM, for trying out the server.
package struct SelfSignedPair {
    package let certificate: [UInt8]
    package let privateKey: [UInt8]

    /// - Parameters:
    ///   - now: validity starts one day earlier, for clients whose clock is behind.
    ///   - days: the period of validity.
    package init(now: UnixSeconds, days: Int32) throws(CryptoError) {
        let key = try KeyHandle.generate(for: .ecdsa(.p256))
        guard let rawCertificate = unsafe X509_new() else { throw .drained(from: "X509_new") }
        let certificate = unsafe CertificateHandle(owning: rawCertificate)
        try Self.fill(certificate, key, now, days)
        guard unsafe X509_sign(certificate.raw, key.raw, EVP_sha256()) > 0 else { throw .drained(from: "X509_sign") }
        guard let text = unsafe PEM.text({ bio in unsafe PEM_write_bio_X509(bio, certificate.raw) }),
            let keyText = unsafe PEM.text({ bio in unsafe PEM_write_bio_PrivateKey(bio, key.raw, nil, nil, 0, nil, nil)
            })
        else { throw .drained(from: "PEM_write_bio") }
        self.certificate = text
        privateKey = keyText
    }

    private static func fill(
        _ certificate: CertificateHandle, _ key: KeyHandle, _ now: UnixSeconds, _ days: Int32
    ) throws(CryptoError) {
        let raw = unsafe certificate.raw
        var moment = time_t(clamping: now.count)
        // RFC 5280 §4.1.2.2: positive and at most 20 bytes.
        let serial = UInt64(Random.next64() >> 1) | 1
        let name = unsafe X509_get_subject_name(raw)
        let isFilled =
            unsafe X509_set_version(raw, 2) == 1
            && ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), serial) == 1
            && X509_time_adj_ex(X509_getm_notBefore(raw), -1, 0, &moment) != nil
            && X509_time_adj_ex(X509_getm_notAfter(raw), days, 0, &moment) != nil
            && X509_NAME_add_entry_by_txt(name, "CN", martlet_utf8(), Array("localhost".utf8), 9, -1, 0) == 1
            && X509_set_issuer_name(raw, name) == 1
            && X509_set_pubkey(raw, key.raw) == 1
        guard isFilled else { throw .drained(from: "X509") }
        let extensions: [(Int32, String)] = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_key_usage, "critical,digitalSignature"),
            (NID_ext_key_usage, "serverAuth"),
            (NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"),
        ]
        for (number, value) in extensions {
            guard let made = unsafe X509V3_EXT_conf_nid(nil, nil, number, value) else {
                throw .drained(from: "X509V3_EXT_conf_nid")
            }
            defer { unsafe X509_EXTENSION_free(made) }
            guard unsafe X509_add_ext(raw, made, -1) == 1 else { throw .drained(from: "X509_add_ext") }
        }
    }
}
