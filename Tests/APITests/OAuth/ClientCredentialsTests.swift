import Accounts
import JOSE
import Keys
import Service
import Testing
import Tokens

@testable import API

@Suite("POST /token with client_credentials")
struct ClientCredentialsTests {
    private static let audiences = ["api", "billing", "shared", "https://api.example/v1", "https://other.example/"]

    private static func world(_ algorithm: Algorithm = .rs256) throws -> World {
        let keys =
            algorithm == .hs256
            ? [World.hs256, World.refresh] : [World.key(algorithm), World.hs256, World.refresh]
        let world = try World(keys: keys) { settings in
            settings.algorithm = algorithm
            settings.audiences = audiences
        }
        try world.replaceRobot { _ in }
        return world
    }

    private static func ask(_ rest: String = "", id: String = "robot") -> Ask {
        Ask("POST", "/token").form("grant_type=client_credentials" + rest).basic(id, World.encoded(World.secret))
    }

    @Test(arguments: Algorithm.allCases)
    func `gives a token of the client, without a session, under every algorithm`(_ algorithm: Algorithm) throws {
        let world = try Self.world(algorithm)
        let answer = world.send(Self.ask())
        #expect(answer.status == 200 && answer["cache-control"] == "no-store", "\(answer.text)")
        #expect(Set(answer.json.keys) == ["access_token", "token_type", "expires_in", "scope"])
        #expect(answer.json["expires_in"] as? Int64 == 120 && answer.string("scope") == "read write")
        let verified = world.verify(answer.string("access_token") ?? "")
        #expect(verified.status == 200 && verified.string("alg") == algorithm.rawValue, "\(verified.text)")
        let claims = verified.claims
        #expect(
            Set(claims.keys) == ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "roles"], "\(claims)")
        #expect(claims["sub"] as? String == "client:robot" && claims["client_id"] as? String == "robot")
        #expect(claims["aud"] as? String == "api" && claims["roles"] as? [String] == ["worker", "night"])
        #expect(claims["exp"] as? Int64 == world.clock.seconds + 120)
        #expect((claims["jti"] as? String ?? "").dropFirst(14).hasPrefix("7"))
    }

    @Test func `each request gets another jti`() throws {
        let world = try Self.world()
        let ids = (0..<3).map { _ in
            world.verify(world.send(Self.ask()).string("access_token") ?? "").claims["jti"] as? String
        }
        #expect(Set(ids).count == 3)
    }

    @Test(arguments: [
        ("&scope=write", "write", "api"), ("&audience=billing", "read write", "billing"),
        ("&resource=https%3A%2F%2Fapi.example%2Fv1", "read write", "https://api.example/v1"),
        ("&audience=shared", "read write", "shared"),
    ])
    func `scope and audience are the client's`(_ rest: String, _ scope: String, _ audience: String) throws {
        let world = try Self.world()
        let claims = world.verify(world.send(Self.ask(rest)).string("access_token") ?? "").claims
        #expect(claims["scope"] as? String == scope && claims["aud"] as? String == audience)
    }

    @Test func `resource may be repeated, and one token is for all of them`() throws {
        let world = try Self.world()
        try world.replaceRobot { $0.audiences = ["https://api.example/v1", "https://other.example/"] }
        let answer = world.send(Self.ask("&resource=https://api.example/v1&resource=https://other.example/"))
        let claims = world.verify(answer.string("access_token") ?? "").claims
        #expect(claims["aud"] as? [String] == ["https://api.example/v1", "https://other.example/"])
    }

    @Test(arguments: [
        ("&refresh_token=x", 400, "invalid_request"), ("&scope=admin", 400, "invalid_scope"),
        ("&scope=read+read", 400, "invalid_scope"), ("&scope=%22", 400, "invalid_scope"),
        ("&scope=read&scope=write", 400, "invalid_request"), ("&client_id=shop", 400, "invalid_request"),
        ("&client_secret=x", 400, "invalid_request"),
        ("&resource=api", 400, "invalid_target"), ("&resource=//api.example/v1", 400, "invalid_target"),
        ("&resource=https://api.example/v1%23a", 400, "invalid_target"),
        ("&resource=https://other.example/", 400, "invalid_target"),
        ("&resource=https://api.example/v1&resource=https://other.example/", 400, "invalid_target"),
        ("&audience=none", 400, "invalid_target"), ("&audience=api&audience=billing", 400, "invalid_request"),
        ("&audience=api&resource=https://api.example/v1", 400, "invalid_request"),
    ])
    func `refuses what the client may not ask for`(_ rest: String, _ status: UInt16, _ error: String) throws {
        let answer = try Self.world().send(Self.ask(rest))
        #expect(answer.status == status && answer.string("error") == error, "\(answer.text)")
    }

    @Test func `audiences of two algorithms do not share a token`() throws {
        let world = try Self.world()
        try world.replaceRobot { $0.audiences = ["api", "shared"] }
        let both = "&resource=https://api.example/v1&resource=https://hmac.example/"
        #expect(world.send(Self.ask(both)).string("error") == "invalid_target")
        let mixed = try World { settings in
            settings.audiences = ["https://api.example/v1", "https://hmac.example/"]
            settings.sharedSecretAudiences = ["https://hmac.example/"]
        }
        try mixed.replaceRobot { $0.audiences = [] }
        #expect(mixed.send(Self.ask(both)).string("error") == "invalid_target")
        #expect(mixed.send(Self.ask("&resource=https://hmac.example/")).status == 200)
    }

    @Test func `needs a client, its secret and the grant`() throws {
        let world = try Self.world()
        let other = world.send(Self.ask(id: "shop"))
        #expect(other.status == 400 && other.string("error") == "unauthorized_client")
        #expect(other.string("code") == "grant_not_allowed")
        let form = "grant_type=client_credentials"
        #expect(world.send(Ask("POST", "/token").form(form)).status == 401)
        #expect(world.send(Ask("POST", "/token").form(form + "&client_id=first-party")).status == 401)
        #expect(world.send(Ask("POST", "/token").form(form).basic("robot", "wrong")).status == 401)
        #expect(world.send(Ask("GET", "/token")).status == 405)
        #expect(world.send(Ask("POST", "/token").json("{\"grant_type\":\"client_credentials\"}")).status == 415)
        let inBody = form + "&client_id=robot&client_secret=" + World.encoded(World.secret)
        #expect(world.send(Ask("POST", "/token").form(inBody)).status == 200)
    }

    @Test func `a client without scopes has none, whatever its users may have`() throws {
        let world = try Self.world()
        try world.replaceRobot { $0.scopes = [] }
        let answer = world.send(Self.ask())
        #expect(answer.status == 200 && answer.string("scope") == "")
        #expect(world.send(Self.ask("&scope=read")).string("error") == "invalid_scope")
    }

    @Test func `a disabled or removed client's tokens end at once, everywhere`() throws {
        let world = try Self.world()
        let token = world.send(Self.ask()).string("access_token") ?? ""
        func introspect() -> Bool? {
            let ask = Ask("POST", "/introspect").form(["token": token]).basic("shop", World.encoded(World.secret))
            return world.send(ask).json["active"] as? Bool
        }
        #expect(introspect() == true)
        try world.replaceRobot { $0.isDisabled = true }
        #expect(world.verify(token).string("code") == "client_revoked")
        #expect(world.send(Ask("GET", "/auth").bearer(token)).status == 401 && introspect() == false)
        try world.replaceRobot { _ in }
        #expect(world.verify(token).status == 200)
        world.authState.clients.replace(with: try World.clients())
        #expect(world.verify(token).string("code") == "client_revoked" && introspect() == false)
    }

    @Test(arguments: [
        (#"{"client_id":"robot"}"#, "client_revoked"), (#"{"sub":"client:robot"}"#, "subject_revoked"),
        (#"{"all":true}"#, "subject_revoked"),
    ])
    func `an order ends the tokens before it, and none after it, within one second`(
        _ order: String, _ code: String
    ) throws {
        let world = try Self.world()
        let before = world.send(Self.ask()).string("access_token") ?? ""
        #expect(world.order(order).status == 200)
        let after = world.send(Self.ask()).string("access_token") ?? ""
        #expect(world.verify(before).string("code") == code)
        #expect(world.verify(after).status == 200)
    }

    @Test func `an order names only a client that exists`() throws {
        #expect(try Self.world().order(#"{"sub":"client:nobody"}"#).status == 400)
    }

    @Test func `a key that is revoked takes the tokens along`() throws {
        let world = try World()
        try world.replaceRobot { $0.audiences = [] }
        let token = world.send(Self.ask()).string("access_token") ?? ""
        #expect(world.verify(token).status == 200)
        #expect(world.order("{\"kid\":\"\(World.rs256.kid)\"}").status == 200)
        #expect(world.verify(token).string("code") == "key_revoked")
    }

    @Test(arguments: ["api", "shared"])
    func `the client revokes its own token, also one of a shared secret`(_ audience: String) throws {
        let world = try Self.world()
        let token = world.send(Self.ask("&audience=\(audience)")).string("access_token") ?? ""
        let ask = Ask("POST", "/revoke").form(["token": token])
        #expect(world.send(ask.basic("shop", World.encoded(World.secret))).status == 403)
        #expect(world.send(ask.basic("robot", World.encoded(World.secret))).status == 200)
        #expect(world.verify(token).string("code") == "token_revoked")
    }

    @Test func `a gateway learns the client, and no user and no session`() throws {
        let world = try Self.world()
        let token = world.send(Self.ask()).string("access_token") ?? ""
        let answer = world.send(Ask("GET", "/auth").bearer(token))
        #expect(answer.status == 200 && answer["x-auth-subject"] == "client:robot")
        #expect(answer["x-auth-client"] == "robot" && answer["x-auth-user"] == "" && answer["x-auth-session"] == "")
    }

    @Test func `no session comes of it`() throws {
        let world = try Self.world()
        let token = world.send(Self.ask()).string("access_token") ?? ""
        #expect(world.refresh(token).status == 401)
        #expect(world.send(Ask("POST", "/logout").bearer(token)).status == 400)
    }

    @Test func `a login takes a resource as its audience, and only one`() throws {
        let world = try Self.world()
        let login = "username=alice&password=\(World.encoded(World.password))&resource="
        let answer = world.send(Ask("POST", "/login").form(login + "https://api.example/v1"))
        #expect(world.verify(World.Pair(answer).access).claims["aud"] as? String == "https://api.example/v1")
        for wrong in ["api", "https://no.example/", "https://api.example/v1&resource=https://other.example/"] {
            #expect(world.send(Ask("POST", "/login").form(login + wrong)).string("error") == "invalid_target")
        }
    }
}

extension World {
    /// Registers the client `robot` with this change beside the others, or replaces it.
    func replaceRobot(_ change: (inout Client) -> Void) throws {
        var robot = Client(
            id: "robot", secretHashes: [ClientSecret.hash(Array(Self.secret.utf8).span)],
            audiences: ["api", "billing", "shared", "https://api.example/v1"], scopes: ["read", "write"],
            grants: [Client.clientCredentials], accessLifetime: 120, roles: ["worker", "night"])
        change(&robot)
        authState.clients.replace(with: try Self.clients().adding(robot))
    }
}
