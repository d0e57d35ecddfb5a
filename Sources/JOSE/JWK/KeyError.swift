package import Encoding
package import OpenSSL

/// Why a key or a set of keys cannot be used. Errors name members, never their values.
package enum KeyError: Error, Equatable, Sendable {
    case notJSON(JSONError)
    /// The document is not a JSON object.
    case notObject
    case memberMissing(String)
    /// A member has the wrong JSON type, is not canonical base64url, or is outside its range.
    case memberInvalid(String)
    /// `kty` or `alg` is not supported, or they do not fit each other.
    case unsupported(String)
    /// The algorithm does not fit this type of key, or the key is bound to another algorithm.
    case algorithmMismatch(Algorithm)
    /// The key names no algorithm and fits all of these; the caller must choose one.
    case algorithmNeeded([Algorithm])
    /// No key of the set can be used for signatures; the value is the first key's error.
    indirect case noneUsable(KeyError?)
    /// The set has secrets and public keys; such a set is often published, and its secrets with it (RFC 8725 §2.1).
    case mixedSet
    /// `use` or `key_ops` reserves the key for other operations (RFC 7517 §4.2, §4.3).
    case notForSignatures
    /// An HMAC secret with too few different bytes, a counting sequence, or a public or private key in disguise (RFC
    /// 8725 §2.1, §3.5).
    case weakSecret
    case crypto(CryptoError)
    /// A refresh key that is not a secret: only HS256 signs refresh tokens.
    case purposeMismatch
    /// A secret was given where a public half is required.
    case noPublicHalf
    /// A public key was given where a private key is required.
    case noPrivateHalf
    case duplicateKid(String)
    /// A JWK set was given where one key is required.
    case setOfKeys
    /// A JSON array of JWKs, which is no form of RFC 7517.
    case arrayOfKeys
    /// There is no secret that signs refresh tokens.
    case refreshSecretMissing
    case tooManyKeys(count: Int, countMax: Int)
}

extension KeyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notJSON(let fault): "not strict JSON: \(fault)"
        case .notObject: "not a JSON object"
        case .memberMissing(let name): "member \"\(name)\" is missing"
        case .memberInvalid("kid"):
            "member \"kid\" must be 1 to 128 printable ASCII characters without blanks, quotes and backslashes"
        case .memberInvalid(let name): "member \"\(name)\" has the wrong type or form"
        case .unsupported(let what): "unsupported: \(what)"
        case .algorithmMismatch(let algorithm): "not a key for \(algorithm.rawValue)"
        case .algorithmNeeded(let algorithms):
            "no \"alg\"; name one of \(algorithms.map(\.rawValue).joined(separator: ", "))"
        case .noneUsable(let fault):
            "no key of the set can verify signatures\(fault.map { ": \($0)" } ?? "")"
        case .mixedSet: "a set of secrets and public keys; publishing one publishes both"
        case .notForSignatures: "\"use\" or \"key_ops\" do not allow signatures"
        case .weakSecret:
            "the secret is weak or publicly known: use at least 32 bytes from a random generator, raw, in hex or in base64"
        case .crypto(let fault): "\(fault)"
        case .purposeMismatch: "a refresh key must be a secret with \"alg\" HS256"
        case .noPublicHalf: "a secret has no public half"
        case .noPrivateHalf: "a public key has no private half"
        case .duplicateKid(let kid): "two keys have the kid \"\(kid)\""
        case .setOfKeys:
            "this is a JWK set. Keys are imported one at a time: write one of its \"keys\" to a separate file"
        case .arrayOfKeys:
            "this is a JSON array of keys. Keys are imported one at a time: write one of them to a separate file. "
                + "To verify with all of them, write {\"keys\": in front and } behind"
        case .refreshSecretMissing: "no secret with \"purpose\" refresh"
        case .tooManyKeys(let count, let countMax): "\(count) keys; the limit is \(countMax)"
        }
    }
}
