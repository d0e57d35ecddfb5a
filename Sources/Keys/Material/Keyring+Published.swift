internal import Encoding
package import JOSE
package import Platform

extension Keyring {
    /// Makes a keyring that only verifies, from the key set that another server publishes (RFC 7517 §5).
    ///
    /// Keys of unsupported types are skipped. A secret in a published set proves nothing, so it makes the set invalid.
    ///
    /// - Parameters:
    ///   - keySet: the JSON text of the set.
    ///   - secrets: keys that are shared with the server in another way.
    package convenience init(
        published keySet: [UInt8], secrets: [Key], now: UnixMilliseconds
    ) throws(KeyError) {
        let bytes = keySet.span
        var document = JSONDocument(
            limits: JSONLimits(memberMax: 16_384, byteCountMax: VerificationKeySet.byteCountMax))
        do { try document.parse(bytes) } catch { throw .notJSON(error) }
        guard let list = document.member("keys", of: 0, in: bytes), document.kind(list) == .array else {
            throw .memberMissing("keys")
        }
        var keys: [Key] = []
        for node in document.children(list) {
            guard let jwk = try? JWK(document, node, in: bytes) else { continue }
            guard jwk.material.publicNumbers != nil else { throw .mixedSet }
            let lifecycle = KeyLifecycle(createdAt: now)
            guard let key = try? Key(jwk, purpose: .access, lifecycle: lifecycle), !key.canSign else { continue }
            keys.append(key)
        }
        try self.init(keys + secrets, verifiesOnly: true)
    }
}
