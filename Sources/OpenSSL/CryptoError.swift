import COpenSSL

/// Why a cryptographic operation failed, or why a key was rejected before use.
///
/// Contains function names and OpenSSL's own texts, never bytes of keys or messages.
package enum CryptoError: Error, Equatable, Sendable {
    /// A library call failed; `reason` is the text of OpenSSL's error queue, which is empty afterwards.
    case library(function: String, reason: String)
    /// An HMAC secret is shorter than the hash (RFC 7518 §3.2).
    case secretTooShort(byteCount: Int, byteCountMin: Int = 32)
    /// An RSA modulus is outside ``RSAPublicComponents/bitCountRange`` (RFC 7518 §3.3 sets the lower end).
    case modulusSize(bitCount: Int)
    /// A public exponent is even, below 3, or longer than 64 bits.
    case publicExponent
    /// An RSA modulus was made by a generator whose keys can be factored (CVE-2017-15361).
    case predictableModulus
    /// A coordinate or private number is not exactly as long as the curve's field (RFC 7518 §6.2.1.2).
    case coordinateSize(Curve, byteCount: Int)
    /// The coordinates are not a point of the curve, or are the point at infinity.
    case notOnCurve(Curve)
    /// An Ed25519 key or seed does not have 32 bytes.
    case ed25519Size(byteCount: Int)
    /// An Ed25519 key has small order: signatures under it can be made without a private key.
    case smallOrder
    /// The key is of another kind than the algorithm requires.
    case algorithmMismatch
    /// The key file has other content; `reason` completes the sentence that names it.
    case unusableKey(reason: String)
    /// Private members do not belong together.
    case inconsistent(reason: String)
    /// A PEM text has no certificate, or one that cannot be parsed.
    case certificate(reason: String)
    /// - Parameter at: the time as OpenSSL prints it.
    case certificateExpired(at: String)
    case certificateNotYetValid(until: String)
    /// A PEM text has no private key that can be parsed without a passphrase.
    case privateKey(reason: String)
    /// The private key does not belong to the certificate.
    case keyMismatch
    /// A PEM text has no certificates of authorities.
    case authorities(reason: String)
}

extension CryptoError {
    /// Empties the thread's error queue, so that the next caller does not read this error.
    static func drained(from function: String) -> CryptoError {
        .library(function: function, reason: drainedReason())
    }

    static func drainedReason() -> String {
        var reasons: [String] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { break }
            // OpenSSL requires at least 256 bytes and writes the terminating zero within them.
            var text = [CChar](repeating: 0, count: 256)
            unsafe ERR_error_string_n(code, &text, text.count)
            reasons.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return reasons.isEmpty ? "no reason given" : reasons.joined(separator: "; ")
    }
}

extension CryptoError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .library(let function, let reason): "\(function) failed: \(reason)"
        case .secretTooShort(let byteCount, let byteCountMin):
            "an HMAC secret of \(byteCount) bytes; HS\(byteCountMin * 8) needs at least \(byteCountMin)"
        case .modulusSize(let bitCount): "an RSA modulus of \(bitCount) bits; 2048 to 8192 are accepted"
        case .publicExponent: "an RSA public exponent that is even, below 3 or above 64 bits"
        case .predictableModulus: "an RSA modulus that can be factored (CVE-2017-15361)"
        case .coordinateSize(let curve, let byteCount):
            "a number of \(byteCount) bytes; \(curve.rawValue) requires \(curve.coordinateByteCount)"
        case .notOnCurve(let curve): "the point is not on \(curve.rawValue)"
        case .ed25519Size(let byteCount): "an Ed25519 key of \(byteCount) bytes; 32 are required"
        case .smallOrder: "an Ed25519 key of small order, for which anyone can forge signatures"
        case .algorithmMismatch: "the algorithm does not sign with keys of this kind"
        case .unusableKey(let reason): reason
        case .inconsistent(let reason): "the members of the key do not belong to one key: \(reason)"
        case .certificate(let reason): "no usable certificate in PEM: \(reason)"
        case .certificateExpired(let moment): "the certificate expired at \(moment)"
        case .certificateNotYetValid(let moment): "the certificate is not valid before \(moment)"
        case .privateKey(let reason): "no usable private key in PEM: \(reason)"
        case .keyMismatch: "the private key does not belong to the certificate"
        case .authorities(let reason): "no usable certificates of authorities in PEM: \(reason)"
        }
    }
}
