import COpenSSL

/// One connection's TLS on a non-blocking socket (SSL). No call blocks; each returns whether the socket must become
/// readable or writable first.
///
/// Reading from the socket may consume more than was asked for. The rest is kept here and not in the kernel, where
/// epoll would report it: check ``holdsInput``.
///
/// `@unchecked Sendable` is safe because only one thread at a time uses the session: the one that owns its connection.
@safe package final class TLSSession: @unchecked Sendable {
    package enum Outcome: Equatable {
        /// The number of content bytes, above zero; a finished handshake counts as 1.
        case moved(Int)
        case wantsReading
        case wantsWriting
        /// The peer closed its side.
        case ended
        case failed
    }

    private let raw: OpaquePointer
    /// After an error no further call is allowed, not even SSL_shutdown (SSL_get_error(3)).
    private var isBroken = false

    /// Takes ownership of the caller's reference.
    init(owning raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit { unsafe SSL_free(raw) }

    /// Whether ALPN selected `h2`; defined after the handshake (SSL_get0_alpn_selected).
    package var speaksHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        unsafe SSL_get0_alpn_selected(raw, &name, &byteCount)
        guard let name = unsafe name, byteCount == 2 else { return false }
        return unsafe name[0] == UInt8(ascii: "h") && name[1] == UInt8(ascii: "2")
    }

    /// Whether TLS 1.3 was negotiated and not 1.2; defined after the handshake (SSL_version).
    package var isVersion13: Bool { unsafe SSL_version(raw) == TLS1_3_VERSION }

    /// The subject of the client's certificate, in the form of RFC 4514, truncated to 512 bytes; nil without a
    /// certificate.
    package var clientSubject: String? {
        guard let certificate = unsafe SSL_get0_peer_certificate(raw),
            let name = unsafe X509_get_subject_name(certificate)
        else { return nil }
        defer { ERR_clear_error() }
        let text = unsafe PEM.text { bio in
            unsafe X509_NAME_print_ex(bio, name, 0, martlet_name_form()) >= 0 ? 1 : 0
        }
        return text.map { String(decoding: $0.prefix(512), as: UTF8.self) }
    }

    /// Why the peer's certificate is invalid, in OpenSSL's words; `nil` if the certificate is not the cause
    /// (SSL_get_verify_result).
    package var certificateFault: String? {
        let code = unsafe SSL_get_verify_result(raw)
        guard code != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(code) else { return nil }
        return unsafe String(cString: text)
    }

    /// Continues the handshake (SSL_do_handshake).
    package func shakeHands() -> Outcome {
        ERR_clear_error()
        return outcome(unsafe SSL_do_handshake(raw))
    }

    /// Whether bytes from the socket are buffered here, as part of a record or more (SSL_has_pending).
    package var holdsInput: Bool { unsafe SSL_has_pending(raw) == 1 }

    /// Reads decrypted bytes (SSL_read).
    package func read(into octets: UnsafeMutableRawBufferPointer) -> Outcome {
        ERR_clear_error()
        return outcome(unsafe SSL_read(raw, octets.baseAddress, Int32(clamping: octets.count)))
    }

    /// Writes at most one record (SSL_write). After any outcome except `.moved` the next call must pass the same bytes.
    package func write(_ octets: UnsafeRawBufferPointer) -> Outcome {
        ERR_clear_error()
        return outcome(unsafe SSL_write(raw, octets.baseAddress, Int32(clamping: octets.count)))
    }

    /// Sends close_notify (SSL_shutdown) if that is possible without blocking.
    package func sayFarewell() {
        guard !isBroken, unsafe SSL_is_init_finished(raw) == 1 else { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(raw)
        ERR_clear_error()
    }

    private func outcome(_ result: Int32) -> Outcome {
        if result > 0 { return .moved(Int(result)) }
        switch unsafe SSL_get_error(raw, result) {
        case SSL_ERROR_WANT_READ: return .wantsReading
        case SSL_ERROR_WANT_WRITE: return .wantsWriting
        case SSL_ERROR_ZERO_RETURN: return .ended
        default:
            isBroken = true
            ERR_clear_error()
            return .failed
        }
    }
}
