import Encoding
import Foundation

/// Genuine tokens with some claims replaced, signed with the HS256 secret of access tokens.
enum Reforged {
    static func access(_ token: String, _ changes: [String: Any]) throws -> String {
        let parts = token.split(separator: ".").map(String.init)
        let header = Base64URL.decode(parts[0]) ?? []
        var claims =
            try JSONSerialization.jsonObject(with: Data(Base64URL.decode(parts[1]) ?? [])) as? [String: Any] ?? [:]
        claims.merge(changes) { $1 }
        let payload = try JSONSerialization.data(withJSONObject: claims, options: [.sortedKeys])
        return Forged.sealed(
            String(decoding: header, as: UTF8.self), String(decoding: payload, as: UTF8.self), World.hs256)
    }
}
