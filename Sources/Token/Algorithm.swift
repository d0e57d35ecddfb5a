package import OpenSSL

/// The algorithms that keys here can have, by their registered names (RFC 7518 §3.1), compared exactly (A7).
package enum Algorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case rs256 = "RS256"
}

extension Algorithm {
    /// How keys of a public-key algorithm sign; `nil` for a MAC.
    package var signature: SignatureAlgorithm? {
        switch self {
        case .hs256: nil
        case .rs256: .rsaPKCS1SHA256
        }
    }
}

extension Algorithm {
    /// Whether one secret both signs and verifies.
    package var isMAC: Bool { signature == nil }
    var octets: [UInt8] { Array(rawValue.utf8) }
}
