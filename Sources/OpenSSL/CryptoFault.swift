import COpenSSL

/// What the cryptographic library could not do, or which key it was not asked to use.
///
/// Holds names of functions and OpenSSL's own texts, never key or message octets.
package enum CryptoFault: Error, Equatable, Sendable {
    /// A library call failed; `reason` is the text of OpenSSL's error queue, which is empty afterwards.
    case library(function: String, reason: String)
    /// HMAC secrets shorter than the hash (RFC 7518 §3.2).
    case secretTooShort(byteCount: Int)
    /// RSA moduli outside ``RSAPublicComponents/bitCountRange`` (RFC 7518 §3.3 sets the lower end).
    case modulusSize(bitCount: Int)
    /// Public exponents that are even, below 3 or above 64 bits.
    case publicExponent
    /// Private members that do not belong together.
    case inconsistent(reason: String)
    /// A PEM text without a certificate, or with one that cannot be read.
    case certificate(reason: String)
    /// - Parameter at: the moment in OpenSSL's words.
    case certificateExpired(at: String)
    case certificateNotYetValid(until: String)
    /// A PEM text without a private key that can be read without a passphrase.
    case privateKey(reason: String)
    /// The private key is not the one that the certificate is for.
    case keyMismatch
    /// A PEM text without certificates of authorities.
    case authorities(reason: String)
}

extension CryptoFault {
    /// Takes the thread's error queue, so that the next caller does not read our error.
    static func drained(from function: String) -> CryptoFault {
        .library(function: function, reason: drainedReason())
    }

    static func drainedReason() -> String {
        var reasons: [String] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { break }
            // OpenSSL asks for at least 256 octets and writes the terminating zero within them.
            var text = [CChar](repeating: 0, count: 256)
            unsafe ERR_error_string_n(code, &text, text.count)
            reasons.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return reasons.isEmpty ? "no reason given" : reasons.joined(separator: "; ")
    }
}

extension CryptoFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .library(let function, let reason): "\(function) failed: \(reason)"
        case .secretTooShort(let byteCount): "an HMAC secret of \(byteCount) octets; HS256 needs at least 32"
        case .modulusSize(let bitCount): "an RSA modulus of \(bitCount) bits; 2048 to 8192 are accepted"
        case .publicExponent: "an RSA public exponent that is even, below 3 or above 64 bits"
        case .inconsistent(let reason): "the key's members do not belong together: \(reason)"
        case .certificate(let reason): "no certificate in PEM: \(reason)"
        case .certificateExpired(let moment): "the certificate expired at \(moment)"
        case .certificateNotYetValid(let moment): "the certificate is not valid before \(moment)"
        case .privateKey(let reason): "no private key in PEM without a passphrase: \(reason)"
        case .keyMismatch: "the private key does not belong to the certificate"
        case .authorities(let reason): "no certificates of authorities in PEM: \(reason)"
        }
    }
}
