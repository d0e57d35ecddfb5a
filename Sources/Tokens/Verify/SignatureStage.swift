import Encoding
package import JOSE
package import Keys
import OpenSSL
package import Platform

/// The first half of verification, shared by both kinds of token: structure, key, signature (RFC 7515 §5.2).
///
/// Does not read claims. Must be used by one thread only; its buffers are reused, so a valid token costs no allocation.
package struct SignatureStage: ~Copyable {
    package struct Outcome {
        /// The key's index in the keyring.
        package let keyIndex: Int
        /// Whether `typ` names the expected kind of token.
        package let isExpectedType: Bool
    }

    private enum Check {
        case mac(MACContext)
        case signature(SignatureVerifier)
    }

    /// The decoded payload of the last token, as signed.
    package private(set) var payload: [UInt8] = []

    private let keyring: Keyring
    private let checks: [Check]
    private var cache = SignatureCache()
    private var header: [UInt8] = []
    private var signature: [UInt8] = []
    private var headerDocument = JSONDocument()

    package init(keyring: Keyring) throws(KeyError) {
        self.keyring = keyring
        do { checks = try keyring.keys.map(Self.check) } catch { throw .crypto(error) }
    }

    private static func check(with key: Key) throws(CryptoError) -> Check {
        switch key.material {
        case .secret(let secret): .mac(try MACContext(secret))
        case .pair(let pair): .signature(try SignatureVerifier(pair.verifyingKey))
        case .publicHalf(let publicHalf): .signature(try SignatureVerifier(publicHalf))
        }
    }

    /// Checks everything except the claims, in the order structure, key, signature; ``payload`` is then the token's.
    ///
    /// - Parameter now: for the life cycle of the keys.
    package mutating func check(
        _ token: Span<UInt8>, for expected: TokenType, at now: UnixMilliseconds
    ) throws(TokenRejection) -> Outcome {
        let jws = try CompactJWS(token)
        let outcome = try chooseKey(token.extracting(jws.header), for: expected, at: now)
        guard Base64URL.decode(token.extracting(jws.payload), into: &payload) else { throw .malformed(.payload) }
        switch checks[outcome.keyIndex] {
        case .mac(let context):
            guard Base64URL.decode(token.extracting(jws.signature), into: &signature) else {
                throw .malformed(.signature)
            }
            guard context.accepts(signature.span, over: token.extracting(jws.signingInput)) else {
                throw .signatureInvalid
            }
        case .signature(let verifier):
            // A cached token needs no second verification: it is compared whole, and the keys of a keyring do not
            // change.
            if cache.holds(token, signature: jws.signature) { break }
            guard Base64URL.decode(token.extracting(jws.signature), into: &signature) else {
                throw .malformed(.signature)
            }
            guard verifier.accepts(signature.span, over: token.extracting(jws.signingInput)) else {
                throw .signatureInvalid
            }
            cache.insert(token, signature: jws.signature)
        }
        return outcome
    }

    /// Selects the key that the header names. The key determines the algorithm; the header's `alg` must be equal (RFC
    /// 8725 §3.1).
    private mutating func chooseKey(
        _ text: Span<UInt8>, for expected: TokenType, at now: UnixMilliseconds
    ) throws(TokenRejection) -> Outcome {
        let keyIndex: Int
        let type: TokenType?
        if let index = keyring.index(ofHeader: text) {
            // The header is byte for byte the one that the server writes with this key, so it need not be decoded.
            keyIndex = index
            type = TokenType(keyring.keys[index].purpose)
        } else {
            guard Base64URL.decode(text, into: &header) else { throw .malformed(.header) }
            // Another reference, not another copy: a span of the stage's own array would borrow all of `self`.
            let octets = header
            let parsed = try ProtectedHeader(octets.span, using: &headerDocument)
            guard let index = keyring.index(of: octets.span.extracting(try parsed.name())) else { throw .kidUnknown }
            guard keyring.keys[index].algorithm == parsed.algorithm else { throw .algNotAllowed }
            keyIndex = index
            type = parsed.type
        }
        guard keyring.keys[keyIndex].verifies(at: now) else { throw .kidUnknown }
        guard keyring.keys[keyIndex].purpose == expected.purpose else { throw .typMismatch }
        return Outcome(keyIndex: keyIndex, isExpectedType: type == expected)
    }
}
