package import Octets
package import OpenSSL

/// Why a key, or a set of keys, cannot be used. Names members, never their values.
package enum KeyFault: Error, Equatable, Sendable {
    case notJSON(JSONFault)
    /// The document is no JSON object.
    case notObject
    case memberMissing(String)
    /// A member of the wrong JSON type, not canonical base64url, or outside its range.
    case memberInvalid(String)
    /// `kty` or `alg` is none that is implemented, or they do not fit each other.
    case unsupported(String)
    /// `use` or `key_ops` reserve the key for other work (B23).
    case notForSignatures
    /// An HMAC secret with too few different octets, a counting sequence, or a key of another kind in disguise (B3, B5).
    case weakSecret
    case crypto(CryptoFault)
    /// A refresh key that is no secret: only HS256 signs refresh tokens.
    case purposeMismatch
    case duplicateKid(String)
    /// There is no secret that signs refresh tokens.
    case refreshSecretMissing
    case tooManyKeys(count: Int)
}

extension KeyFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notJSON(let fault): "not strict JSON: \(fault)"
        case .notObject: "not a JSON object"
        case .memberMissing(let name): "member \"\(name)\" is missing"
        case .memberInvalid(let name): "member \"\(name)\" has the wrong type or form"
        case .unsupported(let what): "unsupported: \(what)"
        case .notForSignatures: "\"use\" or \"key_ops\" do not allow signatures"
        case .weakSecret: "the secret is weak: use 32 or more octets from a random generator"
        case .crypto(let fault): "\(fault)"
        case .purposeMismatch: "a refresh key must be a secret with \"alg\" HS256"
        case .duplicateKid(let kid): "two keys are called \"\(kid)\""
        case .refreshSecretMissing: "no secret with \"purpose\" refresh"
        case .tooManyKeys(let count): "\(count) keys; \(Keyring.keyCountMax) are the limit"
        }
    }
}
