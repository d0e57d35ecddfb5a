package import Encoding
import JOSE

/// The claims that verification does not need. Reading one parses the payload into memory that the caller provides.
extension VerifiedToken {
    /// The names in `aud`, as a list also if there is only one.
    package func audiences(using document: inout JSONDocument) -> [String] {
        guard let node = node("aud", using: &document) else { return [] }
        if let name = document.string(node, in: payload.span) { return [name] }
        return (try? document.texts(.audience, node, in: payload.span)) ?? []
    }

    /// Empty if the token has no roles, or if they are not a list of strings.
    package func roles(using document: inout JSONDocument) -> [String] {
        guard let node = node("roles", using: &document) else { return [] }
        return (try? document.texts(.roles, node, in: payload.span)) ?? []
    }

    /// How the user authenticated; empty if the token does not say.
    package func methods(using document: inout JSONDocument) -> [String] {
        guard let node = node("amr", using: &document) else { return [] }
        return (try? document.texts(.methods, node, in: payload.span)) ?? []
    }

    /// Writes the claims whose names `isWanted` accepts, as they were signed.
    package func writeClaims(
        to writer: inout JSONWriter, using document: inout JSONDocument, where isWanted: (String) -> Bool
    ) {
        guard (try? document.parse(payload.span)) != nil else { return }
        for (name, value) in document.members(0) {
            guard let spelled = document.string(name, in: payload.span), isWanted(spelled) else { continue }
            writer.name(spelled)
            writer.raw(document.raw(value, in: payload.span))
        }
    }

    private func node(_ name: StaticString, using document: inout JSONDocument) -> JSONDocument.Node? {
        guard (try? document.parse(payload.span)) != nil else { return nil }
        return document.member(name, of: 0, in: payload.span)
    }
}
