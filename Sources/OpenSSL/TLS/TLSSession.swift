import COpenSSL

/// One connection's TLS on a non-blocking socket (SSL). No call waits; each says what the socket must become first.
///
/// One reading of the socket may take in more than is asked for. What is left then is in here and not in the kernel, where
/// epoll would see it: ``holdsInput`` tells.
///
/// `@unchecked Sendable` holds because one thread at a time has the session: the one whose connection it is.
@safe package final class TLSSession: @unchecked Sendable {
    package enum Outcome: Equatable {
        /// Octets of content, above zero; a handshake that is done counts 1.
        case moved(Int)
        case wantsReading
        case wantsWriting
        /// The peer has said that nothing more comes.
        case ended
        case failed
    }

    private let raw: OpaquePointer
    /// After an error no further call may be made, not even the farewell (SSL_get_error(3)).
    private var isBroken = false

    /// Takes over the caller's reference.
    init(owning raw: OpaquePointer) {
        unsafe self.raw = raw
    }

    deinit { unsafe SSL_free(raw) }

    /// Whether ALPN chose `h2`; to be asked after the handshake (SSL_get0_alpn_selected).
    package var speaksHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        unsafe SSL_get0_alpn_selected(raw, &name, &byteCount)
        guard let name = unsafe name, byteCount == 2 else { return false }
        return unsafe name[0] == UInt8(ascii: "h") && name[1] == UInt8(ascii: "2")
    }

    /// TLS 1.3 rather than 1.2; to be asked after the handshake (SSL_version).
    package var isVersion13: Bool { unsafe SSL_version(raw) == TLS1_3_VERSION }

    /// Whom the client's certificate names, in the form of RFC 4514, cut after 512 octets; nil without a certificate.
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

    /// Why the peer's certificate does not hold, in OpenSSL's words; `nil` if that is not what failed (SSL_get_verify_result).
    package var certificateFault: String? {
        let code = unsafe SSL_get_verify_result(raw)
        guard code != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(code) else { return nil }
        return unsafe String(cString: text)
    }

    /// Goes on with the handshake (SSL_do_handshake).
    package func shakeHands() -> Outcome {
        ERR_clear_error()
        return outcome(unsafe SSL_do_handshake(raw))
    }

    /// Whether octets from the socket are kept in here: a part of a record, or more than that (SSL_has_pending).
    package var holdsInput: Bool { unsafe SSL_has_pending(raw) == 1 }

    /// SSL_read.
    package func read(into octets: UnsafeMutableRawBufferPointer) -> Outcome {
        ERR_clear_error()
        return outcome(unsafe SSL_read(raw, octets.baseAddress, Int32(clamping: octets.count)))
    }

    /// SSL_write, of one record at most. After anything but `.moved` the same octets must come again first.
    package func write(_ octets: UnsafeRawBufferPointer) -> Outcome {
        ERR_clear_error()
        return outcome(unsafe SSL_write(raw, octets.baseAddress, Int32(clamping: octets.count)))
    }

    /// Tells the peer that nothing more comes (SSL_shutdown), if it can be told at once.
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
