import Encoding
import OpenSSL

/// What a client shows to prove that it is the one: 256 random bits as 43 letters.
///
/// That many bits cannot be guessed, so one SHA-256 is all the hashing they need; a slow hash would only make every
/// introspection slow.
package enum ClientSecret {
    static let randomByteCount = 32
    static let hashByteCount = SHA256.byteCount
    static let hashCountMax = 2
    /// How many secrets a client may have at once.
    package static let countMax = hashCountMax
    /// Longer ones are refused unhashed.
    static let byteCountMax = 1_024

    /// - Parameter octets: 32 random ones.
    package static func text(_ octets: [UInt8]) throws(AccountsError) -> String {
        guard octets.count == randomByteCount else { throw .invalid(field: "secret", expected: "32 random octets") }
        return Base64URL.encode(octets)
    }

    /// What the file keeps.
    package static func hash(_ text: Span<UInt8>) -> [UInt8] {
        SHA256.digest(text)
    }
}
