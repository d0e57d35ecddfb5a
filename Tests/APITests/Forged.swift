import Encoding
import Keys
import OpenSSL
import Tokens

/// Tokens put together by hand and signed well, so that one thing alone is wrong with each.
enum Forged {
    /// - Parameters:
    ///   - changes: raw JSON for each claim to replace or add; `nil` takes it out.
    ///   - header: changes to the header, likewise.
    static func access(
        _ changes: [String: String?] = [:], header: [String: String?] = [:], key: Key = World.hs256
    ) -> String {
        let seconds = World.start.seconds.count
        let payload = object(
            [
                "iss": "\"\(World.issuer)\"", "sub": "\"\(World.alice)\"", "aud": "\"api\"",
                "client_id": "\"first-party\"", "iat": "\(seconds)", "exp": "\(seconds + 600)",
                "jti": "\"019a0000-0000-8000-8000-00000000abcd\"", "scope": "\"read\"",
            ], changes)
        let top = object(
            ["alg": "\"\(key.algorithm.rawValue)\"", "typ": "\"at+jwt\"", "kid": "\"\(key.kid)\""], header)
        return sealed(top, payload, key)
    }

    static func sealed(_ header: String, _ payload: String, _ key: Key) -> String {
        let input = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        return input + "." + Base64URL.encode(signature(Array(input.utf8), key))
    }

    private static func object(_ members: [String: String], _ changes: [String: String?]) -> String {
        var members = members
        for (name, value) in changes { members[name] = value }
        return "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    private static func signature(_ input: [UInt8], _ key: Key) -> [UInt8] {
        do {
            switch key.material {
            case .secret(let secret):
                return try MACContext(secret).authenticate(input.span).octets
            case .pair(let pair): return try Signer(pair).sign(input.span)
            case .publicHalf: return []
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
