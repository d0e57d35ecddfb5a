package import Encoding
package import OpenSSL

/// Why a key, or a set of keys, cannot be used. Names members, never their values.
package enum KeyError: Error, Equatable, Sendable {
    case notJSON(JSONError)
    /// The document is no JSON object.
    case notObject
    case memberMissing(String)
    /// A member of the wrong JSON type, not canonical base64url, or outside its range.
    case memberInvalid(String)
    /// `kty` or `alg` is none that is implemented, or they do not fit each other.
    case unsupported(String)
    /// The algorithm does not sign with keys of this kind, or the key is bound to another.
    case algorithmMismatch(Algorithm)
    /// The key says no algorithm and could have any of these; the caller must say which.
    case algorithmNeeded([Algorithm])
    /// A set in which no key can be used for signatures; the first one's fault.
    indirect case noneUsable(KeyError?)
    /// A set of secrets and public keys, whose secrets are as public as the keys (RFC 8725 §2.1).
    case mixedSet
    /// `use` or `key_ops` reserve the key for other work (B23).
    case notForSignatures
    /// An HMAC secret with too few different octets, a counting sequence, or a key of another kind in disguise (B3, B5).
    case weakSecret
    case crypto(CryptoError)
    /// A refresh key that is no secret: only HS256 signs refresh tokens.
    case purposeMismatch
    /// A secret, where the public half is asked for.
    case noPublicHalf
    /// A public key, where the whole is asked for.
    case noPrivateHalf
    case duplicateKid(String)
    /// A JWK set where one key is wanted.
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
            "no \"alg\"; say which of \(algorithms.map(\.rawValue).joined(separator: ", "))"
        case .noneUsable(let fault):
            "no key of the set can verify signatures\(fault.map { ": \($0)" } ?? "")"
        case .mixedSet: "a set of secrets and public keys; publishing one publishes both"
        case .notForSignatures: "\"use\" or \"key_ops\" do not allow signatures"
        case .weakSecret:
            "the secret is weak or known to attackers: use 32 or more octets from a random generator, as they are, in hex or in base64"
        case .crypto(let fault): "\(fault)"
        case .purposeMismatch: "a refresh key must be a secret with \"alg\" HS256"
        case .noPublicHalf: "a secret has no public half"
        case .noPrivateHalf: "a public key has no private half"
        case .duplicateKid(let kid): "two keys are called \"\(kid)\""
        case .setOfKeys:
            "this is a JWK set. Keys are imported one at a time: write one member of its \"keys\" list to a file of its own"
        case .arrayOfKeys:
            "this is a JSON array of keys. Keys are imported one at a time: write one member of it to a file of its own. "
                + "To verify with all of them, write {\"keys\": in front and } behind"
        case .refreshSecretMissing: "no secret with \"purpose\" refresh"
        case .tooManyKeys(let count, let countMax): "\(count) keys; \(countMax) are the limit"
        }
    }
}
