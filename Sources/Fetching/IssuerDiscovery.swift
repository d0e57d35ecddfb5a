import Octets

/// Where an issuer publishes its keys (RFC 8414 §3, OpenID Connect Discovery 1.0 §4).
package struct IssuerDiscovery {
    private let issuer: String
    /// Where its metadata may lie, in the order in which they are asked.
    package let candidates: [WebAddress]

    /// - Throws: `.url` for an issuer with a query, which RFC 8414 §2 excludes.
    package init(issuer: String) throws(FetchFault) {
        let address = try WebAddress(issuer)
        guard !issuer.contains("?") else { throw .url(issuer) }
        self.issuer = issuer
        var path = address.path
        if path.hasSuffix("/") { path.removeLast() }
        // The first puts the well-known part before the issuer's own path, the second behind it.
        candidates = [
            address.at("/.well-known/oauth-authorization-server\(path)"),
            address.at("\(path)/.well-known/openid-configuration"),
        ]
    }

    /// The address of the keys that an issuer's own metadata names.
    ///
    /// - Throws: ``DiscoveryFault`` unless the metadata is this very issuer's.
    package func keySetAddress(in metadata: [UInt8]) throws(DiscoveryFault) -> WebAddress {
        let bytes = metadata.span
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536, byteCountMax: metadata.count))
        guard (try? document.parse(bytes)) != nil, document.kind(0) == .object else { throw .malformed }
        guard let name = document.member("issuer", of: 0, in: bytes),
            document.isEqual(name, Array(issuer.utf8).span, in: bytes)
        else { throw .otherIssuer }
        guard let location = document.member("jwks_uri", of: 0, in: bytes),
            let text = document.string(location, in: bytes)
        else { throw .noKeys }
        let address: WebAddress
        do { address = try WebAddress(text) } catch { throw .address(error) }
        // Keys that anybody on the way may replace are no keys, also when they are said to be here.
        guard address.isSecure || !candidates[0].isSecure else { throw .address(.insecure(address.text)) }
        return address
    }
}

/// Why an issuer's metadata leads nowhere.
package enum DiscoveryFault: Error, Equatable, Sendable {
    case malformed
    /// The document is another issuer's (RFC 8414 §3.3).
    case otherIssuer
    case noKeys
    case address(FetchFault)
}

extension DiscoveryFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "the issuer's metadata is no JSON object"
        case .otherIssuer: "the metadata there is another issuer's"
        case .noKeys: "the issuer's metadata names no keys (jwks_uri)"
        case .address(let fault): "jwks_uri: \(fault)"
        }
    }
}
