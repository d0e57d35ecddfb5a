import Encoding
import OpenSSL

/// Generates and hashes client secrets: 256 random bits as 43 letters.
///
/// A secret of 256 bits cannot be guessed, so one SHA-256 is enough; a slow hash would only slow down every
/// introspection.
package enum ClientSecret {
    static let randomByteCount = 32
    static let hashByteCount = SHA256.byteCount
    static let hashCountMax = 2
    /// The maximum number of secrets that a client may have at once.
    package static let countMax = hashCountMax
    /// Longer secrets are rejected without hashing.
    static let byteCountMax = 1_024

    /// - Parameter octets: 32 random bytes.
    package static func text(_ octets: [UInt8]) throws(AccountsError) -> String {
        guard octets.count == randomByteCount else { throw .invalid(field: "secret", expected: "32 random bytes") }
        return Base64URL.encode(octets)
    }

    /// Returns the hash that the file stores.
    package static func hash(_ text: Span<UInt8>) -> [UInt8] {
        SHA256.digest(text)
    }
}
