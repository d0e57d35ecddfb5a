import COpenSSL

/// A client's settings for TLS 1.2 and 1.3 (SSL_CTX): the server's certificate must chain to a trusted authority of
/// this machine, and must be for the requested host.
///
/// The authorities are the system's, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// (SSL_CTX_set_default_verify_paths(3)).
@safe package final class TLSClientContext {
    private let raw: OpaquePointer

    /// - Parameter authorities: PEM; if given, only these authorities are trusted.
    package init(authorities: [UInt8]? = nil) throws(CryptoError) {
        guard let raw = unsafe SSL_CTX_new(TLS_client_method()) else { throw .drained(from: "SSL_CTX_new") }
        unsafe self.raw = raw
        guard unsafe martlet_tls_set_versions(raw) == 1 else { throw .drained(from: "SSL_CTX_set_min_proto_version") }
        // 112 bits, independent of the machine's openssl.cnf.
        unsafe SSL_CTX_set_security_level(raw, 2)
        unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        if let authorities {
            unsafe try Self.trust(authorities, raw)
            return
        }
        guard unsafe SSL_CTX_set_default_verify_paths(raw) == 1 else {
            throw .drained(from: "SSL_CTX_set_default_verify_paths")
        }
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// Returns a session for a connected, non-blocking socket, which the caller still owns.
    ///
    /// - Parameters:
    ///   - host: a name, or a numeric address without brackets.
    ///   - isAddress: whether it is an address, which certificates list separately (RFC 5280 §4.2.1.6).
    package func session(_ descriptor: Int32, host: String, isAddress: Bool) throws(CryptoError) -> TLSSession {
        guard let session = unsafe SSL_new(raw) else { throw .drained(from: "SSL_new") }
        let owner = unsafe TLSSession(owning: session)
        guard unsafe SSL_set_fd(session, descriptor) == 1 else { throw .drained(from: "SSL_set_fd") }
        if isAddress {
            guard unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1 else {
                throw .drained(from: "X509_VERIFY_PARAM_set1_ip_asc")
            }
        } else {
            unsafe SSL_set_hostflags(session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            guard unsafe SSL_set1_host(session, host) == 1 else { throw .drained(from: "SSL_set1_host") }
            guard unsafe martlet_tls_set_server_name(session, host) == 1 else {
                throw .drained(from: "SSL_set_tlsext_host_name")
            }
        }
        unsafe SSL_set_connect_state(session)
        return owner
    }

    private static func trust(_ authorities: [UInt8], _ raw: OpaquePointer) throws(CryptoError) {
        let certificates = PEM.certificates(authorities)
        guard !certificates.isEmpty else { throw .authorities(reason: PEMDiagnosis.certificates(authorities)) }
        guard let store = unsafe SSL_CTX_get_cert_store(raw) else { throw .drained(from: "SSL_CTX_get_cert_store") }
        for certificate in certificates {
            guard unsafe X509_STORE_add_cert(store, certificate.raw) == 1 else {
                throw .authorities(reason: CryptoError.drainedReason())
            }
        }
    }
}
