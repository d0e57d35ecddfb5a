import Encoding

/// Finds the URL of an issuer's keys (RFC 8414 §3, OpenID Connect Discovery 1.0 §4).
package struct IssuerDiscovery {
    private let issuer: String
    /// The possible URLs of the metadata, in the order in which to try them.
    package let candidates: [WebAddress]

    /// - Throws: `.url` for an issuer with a query, which RFC 8414 §2 excludes.
    package init(issuer: String) throws(FetchError) {
        let address = try WebAddress(issuer)
        guard !issuer.contains("?") else { throw .url(issuer) }
        self.issuer = issuer
        var path = address.path
        if path.hasSuffix("/") { path.removeLast() }
        // RFC 8414 puts the well-known part before the issuer's path, for both names (§3, §5); OpenID Connect puts it
        // after the path, where some servers also have the first name.
        let places = [
            "/.well-known/oauth-authorization-server\(path)", "\(path)/.well-known/openid-configuration",
            "/.well-known/openid-configuration\(path)", "\(path)/.well-known/oauth-authorization-server",
        ]
        candidates = places.prefix(path.isEmpty ? 2 : 4).map(address.at)
    }

    /// Returns the URL of the keys that the issuer's metadata names.
    ///
    /// - Throws: ``DiscoveryError`` unless the metadata belongs to this issuer.
    package func keySetAddress(in metadata: [UInt8]) throws(DiscoveryError) -> WebAddress {
        let bytes = metadata.span
        var document = JSONDocument(limits: JSONLimits(memberMax: 65_536, byteCountMax: metadata.count))
        guard (try? document.parse(bytes)) != nil, document.kind(0) == .object else { throw .malformed }
        guard let name = document.member("issuer", of: 0, in: bytes),
            let found = document.string(name, in: bytes)
        else { throw .noIssuer }
        guard document.isEqual(name, Array(issuer.utf8).span, in: bytes) else {
            throw .otherIssuer(found: found, wanted: issuer)
        }
        guard let location = document.member("jwks_uri", of: 0, in: bytes),
            let text = document.string(location, in: bytes)
        else { throw .noKeys }
        let address: WebAddress
        do { address = try WebAddress(text) } catch { throw .address(error) }
        // Keys sent without TLS could be replaced by an attacker on the network, so a secure issuer must not name them.
        guard address.isSecure || !candidates[0].isSecure else { throw .address(.insecure(address.text)) }
        return address
    }
}

/// Why an issuer's metadata is unusable.
package enum DiscoveryError: Error, Equatable, Sendable {
    case malformed
    /// The document belongs to another issuer (RFC 8414 §3.3).
    case otherIssuer(found: String, wanted: String)
    case noIssuer
    case noKeys
    case address(FetchError)
}

extension DiscoveryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "the issuer's metadata is not a JSON object"
        case .otherIssuer(let found, let wanted):
            "the metadata names the issuer \(Self.shown(found)), but \(Self.shown(wanted)) was asked for; the two must be the "
                + "same, character by character"
        case .noIssuer: "the issuer's metadata names no issuer"
        case .noKeys: "the issuer's metadata names no keys (jwks_uri)"
        case .address(let fault): "jwks_uri: \(fault)"
        }
    }
}

extension DiscoveryError {
    /// Returns another server's text on one line, without characters that act on a terminal or in a build log.
    private static func shown(_ text: String) -> String {
        let plain = text.unicodeScalars.prefix(200).map { scalar in
            0x21..<0x7f ~= scalar.value && scalar != "#" ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
        return "\"" + plain.joined() + (text.unicodeScalars.count > 200 ? "…" : "") + "\""
    }
}
