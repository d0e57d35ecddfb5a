import API
import Accounts
import Encoding
import Keys
import OpenSSL
import Service
import Tokens

/// Who there is, and the shortest ways to their tokens.
extension World {
    static let alice = UUID(high: 0x019a_0000_0000_7000, low: 0x8000_0000_0000_0001)
    static let bob = UUID(high: 0x019a_0000_0000_7000, low: 0x8000_0000_0000_0002)
    static let zoe = UUID(high: 0x019a_0000_0000_7000, low: 0x8000_0000_0000_0003)
    static let wendy = UUID(high: 0x019a_0000_0000_7000, low: 0x8000_0000_0000_0005)
    static let mallory = UUID(high: 0x019a_0000_0000_7000, low: 0x8000_0000_0000_0004)

    static func users() throws -> UserDirectory {
        let claims = Array(#"{"team":"blue","badge":7}"#.utf8)
        let list = [
            User(
                id: alice, name: "alice", passwordHash: hash, roles: ["admin", "ops"],
                scopes: ["read", "write", "admin"],
                claims: claims),
            User(id: bob, name: "bob", passwordHash: hash, scopes: ["read"]),
            User(id: zoe, name: "Zoë %41 雪", passwordHash: hash, scopes: []),
            User(id: wendy, name: "wendy", passwordHash: weakHash, scopes: ["read"]),
            User(id: mallory, name: "mallory", passwordHash: hash, scopes: ["read"], isDisabled: true),
        ]
        return try list.reduce(UserDirectory()) { try $0.adding($1) }
    }

    static func clients() throws -> ClientDirectory {
        let hash = ClientSecret.hash(Array(secret.utf8).span)
        let list = [
            Client(id: "shop", secretHashes: [hash]),
            Client(id: "bank&co=1", secretHashes: [hash], audiences: ["billing"], scopes: ["read"]),
            Client(id: "old", secretHashes: [hash], isDisabled: true),
            Client(
                id: reader, secretHashes: [hash], scopes: [FeedAccess.scope], grants: [Client.clientCredentials]),
            Client(id: "secretive", secretHashes: [hash], algorithm: "HS256"),
        ]
        return try list.reduce(ClientDirectory()) { try $0.adding($1) }
    }

    /// One session's tokens, as an answer told them.
    struct Pair {
        let access: String
        let refresh: String
        let sid: String

        init(_ answer: Answer) {
            access = answer.string("access_token") ?? ""
            refresh = answer.string("refresh_token") ?? ""
            sid = answer.string("session_id") ?? ""
        }
    }

    static func login(_ name: String = "alice", password: String = password) -> Ask {
        Ask("POST", "/login").form(["username": name, "password": password])
    }

    func pair(_ name: String = "alice") -> Pair { Pair(send(Self.login(name))) }

    /// ``secret`` as clients send it.
    static let encodedSecret = encoded(secret)

    /// A session that belongs to a client.
    func pair(of client: String) -> Pair {
        Pair(send(Self.login().basic(Self.encoded(client), Self.encodedSecret)))
    }

    func verify(_ token: String) -> Answer { send(Ask("GET", "/verify").bearer(token)) }

    func refresh(_ token: String) -> Answer { send(Ask("POST", "/refresh").form(["refresh_token": token])) }

    /// An operator's order over the Unix socket.
    func order(_ json: String) -> Answer {
        send(Ask("POST", "/admin/revocations", role: .operator).json(json).from(.local))
    }

    func revoke(_ token: String) -> Answer {
        send(Ask("POST", "/revoke").form(["token": token]))
    }

    /// From now on no key signs the default algorithm; what it has signed is still verified.
    func loseSigner() throws {
        let keys = authState.keyring.current.keys.map { key in
            key.kid == Self.rs256.kid ? key.with(key.lifecycle.ending(at: clock.now, keep: 3_600_000)) : key
        }
        authState.keyring.replace(with: try Keyring(keys))
    }

    /// Form-encoded, as RFC 6749 §2.3.1 wants it before Basic.
    static func encoded(_ text: String) -> String {
        text.utf8.map { octet in
            let letter = Character(Unicode.Scalar(octet))
            if octet == 0x20 { return "+" }
            if octet < 0x80, letter.isLetter || letter.isNumber { return String(letter) }
            let digits = String(octet, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
