extension Setting {
    package static let tlsCertificate = Setting(
        "MARTLET_TLS_CERT", .text, "file of the TLS certificate and its chain, in PEM")
    package static let tlsKey = Setting(
        "MARTLET_TLS_KEY", .text, "file of the TLS certificate's private key, in PEM, mode 0600")
    package static let tlsClientAuthorities = Setting(
        "MARTLET_TLS_CLIENT_CA", .text,
        "file of certificate authorities, in PEM; over TLS, clients need a certificate from one of them")
}

/// The certificate of the addresses that speak TLS.
package struct TLSSettings: Sendable {
    static let settings: [Setting] = [.tlsCertificate, .tlsKey, .tlsClientAuthorities]

    /// Nil if no address speaks TLS.
    package let files: TLSFiles?

    /// - Parameters:
    ///   - isWanted: whether an address speaks TLS.
    ///   - selfSigned: whether the certificate is made where there is none.
    init(_ reader: inout SettingsReader, isWanted: Bool, selfSigned: Bool) {
        files = Self.files(&reader, isWanted: isWanted, selfSigned)
    }

    private static func files(_ reader: inout SettingsReader, isWanted: Bool, _ selfSigned: Bool) -> TLSFiles? {
        let certificate = reader.text(.tlsCertificate)
        let key = reader.text(.tlsKey)
        let authorities = reader.text(.tlsClientAuthorities)
        let clients = authorities.isEmpty ? nil : authorities
        let speaksHTTP2 = reader.text(.http2Streams) != "0"
        if selfSigned {
            for setting in [Setting.tlsCertificate, .tlsKey] where !reader.text(setting).isEmpty {
                reader.complain(setting, "empty, as --dev-tls requires")
            }
            return .selfSigned(
                in: reader.text(.state), clientAuthoritiesPath: clients, speaksHTTP2: speaksHTTP2)
        }
        for setting in settings {
            let isSet = !reader.text(setting).isEmpty
            if isSet, !isWanted { reader.complain(setting, "used, because no address begins with https://") }
            if !isSet, isWanted, setting != .tlsClientAuthorities {
                reader.complain(setting, "a path, which an address with https:// requires")
            }
        }
        guard isWanted else { return nil }
        return TLSFiles(
            certificatePath: certificate, keyPath: key, clientAuthoritiesPath: clients, speaksHTTP2: speaksHTTP2)
    }
}
