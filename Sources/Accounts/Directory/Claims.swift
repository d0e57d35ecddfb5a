import Encoding

/// Checks a user's additional claims: a JSON object that is merged into tokens.
package enum Claims {
    static let expected = "an object of at most 2048 bytes, without claims that the service sets itself"
    static let none = Array("{}".utf8)
    private static let byteCountMax = 2_048

    /// Returns whether the bytes may be a user's `claims`.
    static func isAcceptable(_ claims: [UInt8]) -> Bool {
        guard claims.count <= byteCountMax else { return false }
        var document = JSONDocument(limits: JSONLimits(depthMax: 8, memberMax: 256, byteCountMax: byteCountMax))
        guard (try? document.parse(claims.span)) != nil, document.kind(0) == .object else { return false }
        for (name, _) in document.members(0) {
            guard let text = document.string(name, in: claims.span), !User.reservedClaims.contains(text) else {
                return false
            }
        }
        return true
    }

    /// Returns an object of these members; `value` is JSON.
    /// - Throws: `.invalid` if the object may not be a user's `claims`, or if a name occurs twice.
    package static func object(_ members: [(name: String, value: String)]) throws(AccountsError) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in members {
            let raw = Array(value.utf8)
            var document = JSONDocument()
            guard (try? document.parse(raw.span)) != nil else {
                throw .invalid(
                    field: "claim \(name)", expected: "JSON, for example \"text\" in its quotes, 7, true or [\"a\"]")
            }
            writer.name(name)
            writer.raw(raw)
        }
        writer.endObject()
        let object = writer.bytes
        guard isAcceptable(object) else { throw .invalid(field: "claims", expected: expected) }
        return object
    }
}
