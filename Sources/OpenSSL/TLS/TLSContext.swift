import COpenSSL
package import Platform
import Synchronization

/// A server's certificate, key and settings for TLS 1.2 and 1.3 (SSL_CTX), shared by all connections that start under
/// it.
///
/// Offers `h2` and `http/1.1` by ALPN (RFC 7301) and only suites with forward secrecy and authenticated encryption;
/// renegotiation and early data are disabled. Resumption uses tickets only (RFC 5077, RFC 8446 §2.2), whose keys are
/// drawn at random in `init`: a new context rotates them.
///
/// `@unchecked Sendable` is safe because nothing modifies the context after `init` except what OpenSSL itself locks.
@safe package final class TLSContext: @unchecked Sendable {
    private let raw: OpaquePointer
    /// When the server's own certificate expires.
    package let expiresAt: UnixSeconds

    /// - Parameters:
    ///   - certificates: PEM, the server's own first, then the chain towards the root.
    ///   - privateKey: PEM without a passphrase.
    ///   - clientAuthorities: PEM; if given, clients must present a certificate that one of these authorities signed.
    ///   - speaksHTTP2: whether to negotiate `h2`.
    package init(
        certificates: [UInt8], privateKey: [UInt8], clientAuthorities: [UInt8]?, speaksHTTP2: Bool = true,
        now: UnixSeconds
    ) throws(CryptoError) {
        let chain = PEM.certificates(certificates)
        guard let leaf = chain.first else { throw .certificate(reason: PEMDiagnosis.certificates(certificates)) }
        try Self.checkTime(of: leaf, now)
        guard let key = PEM.privateKey(privateKey) else {
            throw .privateKey(reason: PEMDiagnosis.privateKey(privateKey))
        }
        guard unsafe X509_check_private_key(leaf.raw, key.raw) == 1 else {
            ERR_clear_error()
            throw .keyMismatch
        }
        guard let raw = unsafe SSL_CTX_new(TLS_server_method()) else { throw .drained(from: "SSL_CTX_new") }
        unsafe self.raw = raw
        expiresAt = Self.end(of: leaf)
        unsafe try Self.setRules(raw, speaksHTTP2: speaksHTTP2)
        guard unsafe SSL_CTX_use_certificate(raw, leaf.raw) == 1 else {
            throw .certificate(reason: CryptoError.drainedReason())
        }
        guard unsafe SSL_CTX_use_PrivateKey(raw, key.raw) == 1 else {
            throw .privateKey(reason: CryptoError.drainedReason())
        }
        for certificate in chain.dropFirst() {
            guard unsafe martlet_tls_add_chain(raw, certificate.raw) == 1 else {
                throw .certificate(reason: CryptoError.drainedReason())
            }
        }
        if let clientAuthorities { unsafe try Self.demandClients(of: clientAuthorities, raw) }
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// Returns a session for an accepted, non-blocking socket, which the caller still owns.
    package func session(_ descriptor: Int32) -> TLSSession? {
        guard let session = unsafe SSL_new(raw) else {
            ERR_clear_error()
            return nil
        }
        guard unsafe SSL_set_fd(session, descriptor) == 1 else {
            unsafe SSL_free(session)
            ERR_clear_error()
            return nil
        }
        unsafe SSL_set_accept_state(session)
        return unsafe TLSSession(owning: session)
    }

    private static func setRules(_ raw: OpaquePointer, speaksHTTP2: Bool) throws(CryptoError) {
        // All suites of TLS 1.3 are acceptable; of TLS 1.2 only those with ECDHE and AEAD (RFC 9325 §4.2).
        let suites = """
            ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
            ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
            """
        // 112 bits, independent of the machine's openssl.cnf: RSA from 2048 bits, no SHA-1.
        unsafe SSL_CTX_set_security_level(raw, 2)
        guard unsafe martlet_tls_set_versions(raw) == 1 else { throw .drained(from: "SSL_CTX_set_min_proto_version") }
        guard unsafe SSL_CTX_set_cipher_list(raw, suites) == 1 else { throw .drained(from: "SSL_CTX_set_cipher_list") }
        guard unsafe martlet_tls_set_groups(raw, "X25519:P-256:P-384") == 1 else {
            throw .drained(from: "SSL_CTX_set1_groups_list")
        }
        unsafe martlet_tls_set_modes(raw)
        if speaksHTTP2 {
            unsafe SSL_CTX_set_alpn_select_cb(raw, selectAnyProtocol, nil)
        } else {
            unsafe SSL_CTX_set_alpn_select_cb(raw, selectHTTP1, nil)
        }
    }

    private static func demandClients(of authorities: [UInt8], _ raw: OpaquePointer) throws(CryptoError) {
        let certificates = PEM.certificates(authorities)
        guard !certificates.isEmpty else { throw .authorities(reason: PEMDiagnosis.certificates(authorities)) }
        guard let store = unsafe SSL_CTX_get_cert_store(raw) else { throw .drained(from: "SSL_CTX_get_cert_store") }
        for certificate in certificates {
            guard unsafe X509_STORE_add_cert(store, certificate.raw) == 1,
                unsafe SSL_CTX_add_client_CA(raw, certificate.raw) == 1
            else { throw .authorities(reason: CryptoError.drainedReason()) }
        }
        // Resumption with client certificates requires an identifier for the sessions (SSL_CTX_set_verify(3)).
        let name = Array("martlet".utf8)
        guard unsafe SSL_CTX_set_session_id_context(raw, name, UInt32(clamping: name.count)) == 1 else {
            throw .drained(from: "SSL_CTX_set_session_id_context")
        }
        unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    /// Returns whether certificate and key belong together and the certificate is not valid at `now`.
    package static func isOutOfDate(certificates: [UInt8], privateKey: [UInt8], now: UnixSeconds) -> Bool {
        defer { ERR_clear_error() }
        guard let leaf = PEM.certificates(certificates).first, let key = PEM.privateKey(privateKey),
            unsafe X509_check_private_key(leaf.raw, key.raw) == 1
        else { return false }
        do throws(CryptoError) { try checkTime(of: leaf, now) } catch { return true }
        return false
    }

    /// Returns the end of validity (ASN1_TIME_to_tm(3)); zero for an invalid time, which ``checkTime(of:_:)`` has
    /// already rejected.
    private static func end(of certificate: CertificateHandle) -> UnixSeconds {
        var fields = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(X509_get0_notAfter(certificate.raw), &fields) == 1 else { return 0 }
        return unsafe UnixSeconds(Int64(timegm(&fields)))
    }

    private static func checkTime(of certificate: CertificateHandle, _ now: UnixSeconds) throws(CryptoError) {
        var moment = time_t(clamping: now.count)
        // X509_cmp_time returns 0 for an invalid time; such a certificate is rejected.
        if unsafe X509_cmp_time(X509_get0_notAfter(certificate.raw), &moment) <= 0 {
            throw .certificateExpired(at: unsafe text(X509_get0_notAfter(certificate.raw)))
        }
        if unsafe X509_cmp_time(X509_get0_notBefore(certificate.raw), &moment) >= 0 {
            throw .certificateNotYetValid(until: unsafe text(X509_get0_notBefore(certificate.raw)))
        }
    }

    private static func text(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        let octets = unsafe PEM.text { bio in unsafe ASN1_TIME_print(bio, time) }
        return String(decoding: octets ?? Array("an unreadable time".utf8), as: UTF8.self)
    }
}

/// Selects `h2`, else `http/1.1`; if the client offers only other protocols, the handshake fails (RFC 7301 §3.2).
private func selectAnyProtocol(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    let offered = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    if unsafe select("h2", among: offered, chosen, chosenCount) { return SSL_TLSEXT_ERR_OK }
    return unsafe select("http/1.1", among: offered, chosen, chosenCount)
        ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Selects `http/1.1`; if the client does not offer it, the handshake fails (RFC 7301 §3.2).
private func selectHTTP1(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    let offered = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    return unsafe select("http/1.1", among: offered, chosen, chosenCount)
        ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}

/// - Returns: whether the client offers `wanted`, which is then selected.
private func select(
    _ wanted: StaticString, among names: UnsafeBufferPointer<UInt8>,
    _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ chosenCount: UnsafeMutablePointer<UInt8>?
) -> Bool {
    guard let chosen = unsafe chosen, let chosenCount = unsafe chosenCount, let base = names.baseAddress else {
        return false
    }
    var start = 0
    while start < names.count {
        let byteCount = Int(unsafe names[start])
        let end = start + 1 + byteCount
        guard end <= names.count else { break }
        if byteCount == wanted.utf8CodeUnitCount,
            unsafe names[(start + 1)..<end].elementsEqual(
                UnsafeBufferPointer(start: wanted.utf8Start, count: byteCount))
        {
            // The selection points into the client's list, which outlives the call (SSL_CTX_set_alpn_select_cb(3)).
            unsafe chosen.pointee = base + start + 1
            unsafe chosenCount.pointee = UInt8(truncatingIfNeeded: byteCount)
            return true
        }
        start = end
    }
    return false
}

/// The context for new connections; replacing it does not affect existing ones.
package final class TLSIdentity: Sendable {
    private let current: Mutex<TLSContext>

    package init(_ context: TLSContext) {
        current = Mutex(context)
    }

    package func replace(with context: TLSContext) {
        current.withLock { $0 = context }
    }

    /// When the certificate of new connections expires.
    package var expiresAt: UnixSeconds { current.withLock { $0.expiresAt } }

    package func session(_ descriptor: Int32) -> TLSSession? {
        current.withLock { $0 }.session(descriptor)
    }
}
