import Encoding
package import OpenSSL

/// Computes JWK thumbprints (RFC 7638 §3): SHA-256 over the required members in lexicographic order, as base64url text.
package enum Thumbprint {
    package static func of(_ numbers: PublicNumbers) -> String {
        let members: [(String, String)]
        switch numbers {
        case .rsa(let key):
            members = [
                ("e", Base64URL.encode(key.exponent)), ("kty", "RSA"), ("n", Base64URL.encode(key.modulus)),
            ]
        case .ec(let point):
            members = [
                ("crv", point.curve.rawValue), ("kty", "EC"), ("x", Base64URL.encode(point.x)),
                ("y", Base64URL.encode(point.y)),
            ]
        case .ed25519(let key):
            members = [("crv", "Ed25519"), ("kty", "OKP"), ("x", Base64URL.encode(key.octets))]
        }
        return digest(members)
    }

    /// Returns the thumbprint of a secret. It allows offline guessing of the secret, so it must never be published as a
    /// key's name.
    package static func of(secret: [UInt8]) -> String {
        digest([("k", Base64URL.encode(secret)), ("kty", "oct")])
    }

    private static func digest(_ members: [(String, String)]) -> String {
        // None of these values needs an escape.
        let text = "{" + members.map { "\"\($0.0)\":\"\($0.1)\"" }.joined(separator: ",") + "}"
        let octets = Array(text.utf8)
        return Base64URL.encode(SHA256.digest(octets.span))
    }
}
