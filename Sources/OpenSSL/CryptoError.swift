import COpenSSL

/// What the cryptographic library could not do, or which key it was not asked to use.
///
/// Holds names of functions and OpenSSL's own texts, never key or message octets.
package enum CryptoError: Error, Equatable, Sendable {
    /// A library call failed; `reason` is the text of OpenSSL's error queue, which is empty afterwards.
    case library(function: String, reason: String)
    /// HMAC secrets shorter than the hash (RFC 7518 §3.2).
    case secretTooShort(byteCount: Int, byteCountMin: Int = 32)
    /// RSA moduli outside ``RSAPublicComponents/bitCountRange`` (RFC 7518 §3.3 sets the lower end).
    case modulusSize(bitCount: Int)
    /// Public exponents that are even, below 3 or above 64 bits.
    case publicExponent
    /// An RSA modulus made by a generator whose keys can be factored (CVE-2017-15361).
    case predictableModulus
    /// A coordinate or private number that is not exactly as long as the curve's field (RFC 7518 §6.2.1.2).
    case coordinateSize(Curve, byteCount: Int)
    /// Coordinates of no point of the curve, or of the one at infinity.
    case notOnCurve(Curve)
    /// Ed25519 keys and seeds of other than 32 octets.
    case ed25519Size(byteCount: Int)
    /// An Ed25519 key under which signatures can be made without its private half.
    case smallOrder
    /// A key of another kind than the algorithm signs with.
    case algorithmMismatch
    /// A key file that holds something else; `reason` says what in a sentence's second half.
    case unusableKey(reason: String)
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

extension CryptoError {
    /// Takes the thread's error queue, so that the next caller does not read our error.
    static func drained(from function: String) -> CryptoError {
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

extension CryptoError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .library(let function, let reason): "\(function) failed: \(reason)"
        case .secretTooShort(let byteCount, let byteCountMin):
            "an HMAC secret of \(byteCount) octets; HS\(byteCountMin * 8) needs at least \(byteCountMin)"
        case .modulusSize(let bitCount): "an RSA modulus of \(bitCount) bits; 2048 to 8192 are accepted"
        case .publicExponent: "an RSA public exponent that is even, below 3 or above 64 bits"
        case .predictableModulus: "an RSA modulus that can be factored (CVE-2017-15361)"
        case .coordinateSize(let curve, let byteCount):
            "a number of \(byteCount) octets; \(curve.rawValue) takes \(curve.coordinateByteCount)"
        case .notOnCurve(let curve): "the point does not lie on \(curve.rawValue)"
        case .ed25519Size(let byteCount): "an Ed25519 key of \(byteCount) octets; it takes 32"
        case .smallOrder: "an Ed25519 key of small order, under which anybody can sign"
        case .algorithmMismatch: "the algorithm does not sign with keys of this kind"
        case .unusableKey(let reason): reason
        case .inconsistent(let reason): "the key's members do not belong together: \(reason)"
        case .certificate(let reason): "no usable certificate in PEM: \(reason)"
        case .certificateExpired(let moment): "the certificate expired at \(moment)"
        case .certificateNotYetValid(let moment): "the certificate is not valid before \(moment)"
        case .privateKey(let reason): "no usable private key in PEM: \(reason)"
        case .keyMismatch: "the private key does not belong to the certificate"
        case .authorities(let reason): "no usable certificates of authorities in PEM: \(reason)"
        }
    }
}
