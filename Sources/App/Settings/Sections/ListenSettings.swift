package import HTTP

extension Setting {
    package static let listen = Setting(
        "MARTLET_LISTEN", .list, default: "127.0.0.1:8080",
        "where the service listens: host:port, [v6]:port, unix:/path or fd:name, comma-separated; https:// in front for TLS"
    )
    package static let operatorListen = Setting(
        "MARTLET_OPERATOR_LISTEN", .list, default: "127.0.0.1:8081",
        "where health, metrics and administration listen; empty for nowhere")
    package static let handover = Setting(
        "MARTLET_HANDOVER", .text, "path of a Unix socket over which a second process takes over; empty for none")
    package static let trustedProxies = Setting(
        "MARTLET_TRUSTED_PROXIES", .list,
        "proxies trusted to report the client's address: 10.0.0.0/8, ::1 or unix, comma-separated")
    package static let forwardedField = Setting(
        "MARTLET_FORWARDED_FIELD", .choice(["x-forwarded-for", "forwarded", "either"]), default: "either",
        "the field in which those proxies report it")
}

/// The addresses, the proxies in front of them, and the socket for a successor.
package struct ListenSettings: Sendable {
    static let settings: [Setting] = [.listen, .operatorListen, .handover, .trustedProxies, .forwardedField]

    package let addresses: [ListenAddressSpec]
    package let operatorAddresses: [ListenAddressSpec]
    /// The path of the socket for a successor; nil for none.
    package let handoverPath: String?
    /// Which peers are proxies, and which of their fields counts.
    package let trust: ProxyTrust

    /// - Parameter selfSigned: whether every TCP address of the service speaks TLS with a certificate made for it.
    init(_ reader: inout SettingsReader, selfSigned: Bool) {
        let listen = ListenAddressSpec.read(.listen, &reader, mayBeEmpty: false)
        addresses = selfSigned ? listen.map(\.secured) : listen
        operatorAddresses = ListenAddressSpec.read(.operatorListen, &reader, mayBeEmpty: true)
        ListenAddressSpec.checkDistinct(listen, operatorAddresses, &reader)
        trust = Self.trust(&reader, listen, operatorAddresses)
        handoverPath = Self.handoverPath(&reader)
    }

    package var isAnySecure: Bool { (addresses + operatorAddresses).contains(where: \.isSecure) }

    private static func trust(
        _ reader: inout SettingsReader, _ listen: [ListenAddressSpec], _ operatorListen: [ListenAddressSpec]
    ) -> ProxyTrust {
        let texts = reader.list(.trustedProxies)
        let ranges = texts.compactMap { AddressRange($0) }
        if ranges.count != texts.count {
            reader.complain(
                .trustedProxies,
                "a list of addresses, of blocks such as 10.0.0.0/8 without bits behind the prefix, or unix")
        }
        if texts.isEmpty, listen.contains(where: \.usesProxyProtocol) {
            reader.complain(.trustedProxies, "a list of proxies, which an address with proxy+ requires")
        }
        if operatorListen.contains(where: \.usesProxyProtocol) {
            reader.complain(.operatorListen, "valid here: only MARTLET_LISTEN accepts proxy+")
        }
        let field = reader.choice(.forwardedField, ProxyTrust.Field.init(rawValue:), otherwise: .either)
        return ProxyTrust(ranges, field: field)
    }

    private static func handoverPath(_ reader: inout SettingsReader) -> String? {
        let path = reader.text(.handover)
        guard !path.isEmpty else { return nil }
        if path.utf8.count >= 108 || path.utf8.contains(0) {
            reader.complain(.handover, "a path of at most 107 bytes")
        }
        return path
    }
}
