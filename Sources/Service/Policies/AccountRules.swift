package import Accounts
import Encoding

extension Client {
    /// A client without a list may use every audience.
    package func mayUse(audience: String) -> Bool {
        audiences.isEmpty || audiences.contains(audience)
    }

    /// A client without a list may use every scope that the user has.
    func mayUse(scope: String) -> Bool {
        scopes.isEmpty || scopes.contains(scope)
    }
}

extension User.Standing {
    /// Whether the session `sid` is valid: the account is enabled and has not ended the session.
    func admits(session sid: UUID) -> Bool {
        !isDisabled && sid.milliseconds >= sessionsFrom
    }
}

extension User {
    /// The additional claims of the user that tokens may contain, as a JSON object.
    func claims(within names: Set<String>) -> [UInt8] {
        guard !names.isEmpty else { return Array("{}".utf8) }
        var document = JSONDocument()
        let bytes = claims.span
        guard (try? document.parse(bytes)) != nil, document.kind(0) == .object else { return Array("{}".utf8) }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in document.members(0) {
            guard let spelled = document.string(name, in: bytes), names.contains(spelled) else { continue }
            writer.name(spelled)
            if let text = document.bytes(value, in: bytes) {
                writer.string(utf8: text)
            } else {
                writer.raw(document.raw(value, in: bytes))
            }
        }
        writer.endObject()
        return writer.bytes
    }
}
