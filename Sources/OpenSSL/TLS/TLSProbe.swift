import COpenSSL

/// Sends one request over TLS to this server itself. The certificate is not verified: nothing secret is exchanged.
package enum TLSProbe {
    /// - Parameter descriptor: a connected, blocking socket, which the caller still owns.
    /// - Returns: the beginning of the response, at most `byteCountMax` bytes; `nil` if there is none.
    package static func ask(_ question: [UInt8], over descriptor: Int32, byteCountMax: Int) -> [UInt8]? {
        defer { ERR_clear_error() }
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { return nil }
        defer { unsafe SSL_CTX_free(context) }
        guard let session = unsafe SSL_new(context) else { return nil }
        defer { unsafe SSL_free(session) }
        guard unsafe SSL_set_fd(session, descriptor) == 1, unsafe SSL_connect(session) == 1 else { return nil }
        guard unsafe SSL_write(session, question, Int32(clamping: question.count)) > 0 else { return nil }
        var answer = [UInt8](repeating: 0, count: byteCountMax)
        let count = unsafe SSL_read(session, &answer, Int32(clamping: answer.count))
        return count > 0 ? Array(answer.prefix(Int(count))) : nil
    }
}
