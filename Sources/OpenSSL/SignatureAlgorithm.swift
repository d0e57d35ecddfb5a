/// How a key signs. A key has one for life, so that it never answers for another (RFC 8725 §3.1).
package enum SignatureAlgorithm: Sendable {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the RS256 of RFC 7518 §3.3.
    case rsaPKCS1SHA256
}
