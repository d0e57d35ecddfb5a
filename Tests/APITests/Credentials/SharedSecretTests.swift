import Accounts
import JOSE
import Keys
import OpenSSL
import Service
import Testing
import Tokens

/// What a holder of a shared HMAC secret can sign, and what it is good for.
@Suite("Tokens signed with a shared secret")
struct SharedSecretTests {
    static let hs512 = World.made(.hs512, .access)

    private static let hash = ClientSecret.hash(Array(World.secret.utf8).span)

    /// Who a token says it belongs to. `shared` is an HS256 audience; the service signs RS256 otherwise.
    static let clients: [Client] = [
        Client(id: "free", secretHashes: [hash], algorithm: "HS256"),
        Client(id: "bound", secretHashes: [hash], audiences: ["billing"], algorithm: "HS256"),
        Client(id: "both", secretHashes: [hash], audiences: ["billing", "shared"], algorithm: "HS256"),
        Client(id: "off", secretHashes: [hash], algorithm: "HS256", isDisabled: true),
        Client(id: "rsa", secretHashes: [hash], algorithm: "RS256"),
        Client(id: "plain", secretHashes: [hash]),
        Client(id: "large", secretHashes: [hash], algorithm: "HS512"),
    ]

    static func world(_ adjust: (inout AuthSettings) -> Void = { _ in }) throws -> World {
        let world = try World(keys: [World.rs256, World.hs256, hs512, World.refresh], adjust)
        world.authState.clients.replace(
            with: try clients.reduce(world.authState.clients.current) { try $0.adding($1) })
        return world
    }

    static let audiences = [
        ["shared"], ["shared", "shared"], ["shared", "api"], ["api", "shared"], ["api"], ["billing"],
        ["billing", "shared"],
        ["billing", "api"], ["shared", "elsewhere"], ["api", "elsewhere"],
    ]
    static let owners = [
        nil, "first-party", "unknown", "free", "bound", "both", "off", "rsa", "plain", "large", "FREE",
    ]

    /// The rule, written down once more: every audience shared, or an enabled client of that algorithm with all of them.
    private static func isValid(_ algorithm: Algorithm, _ audience: [String], _ owner: String?) -> Bool {
        guard algorithm.isMAC else { return true }
        if algorithm == .hs256, audience == ["shared"] || audience == ["shared", "shared"] { return true }
        let configured = !audience.contains("elsewhere")
        switch (algorithm, owner) {
        case (.hs256, "free"), (.hs512, "large"): return configured
        case (.hs256, "bound"): return audience == ["billing"]
        case (.hs256, "both"): return configured && !audience.contains("api")
        default: return false
        }
    }

    private static func forged(_ key: Key, _ audience: [String], _ owner: String?, _ more: [String: String?] = [:])
        -> String
    {
        let names = audience.map { "\"\($0)\"" }
        var changes = more
        changes["aud"] = names.count == 1 ? names[0] : "[" + names.joined(separator: ",") + "]"
        changes["client_id"] = .some(owner.map { "\"\($0)\"" })
        return Forged.access(changes, key: key)
    }

    @Test(arguments: [World.rs256, World.hs256, hs512], audiences)
    func `are valid for the audiences that the secret is shared with, at every endpoint`(
        _ key: Key, _ audience: [String]
    ) throws {
        let world = try Self.world()
        let victim = world.pair()
        for owner in Self.owners {
            let token = Self.forged(key, audience, owner, ["sid": "\"\(victim.sid)\""])
            let isValid = Self.isValid(key.algorithm, audience, owner)
            let comment: Comment = "\(key.algorithm) \(audience) \(owner ?? "-")"
            let expected = isValid ? nil : "alg_not_allowed"
            #expect(world.verify(token).code == expected, comment)
            #expect(world.send(Ask("GET", "/auth").bearer(token)).code == expected, comment)
            for name in audience where name != "elsewhere" {
                #expect(world.send(Ask("GET", "/verify?audience=\(name)").bearer(token)).code == expected, comment)
                #expect(world.send(Ask("GET", "/auth?aud=\(name)&scope=read").bearer(token)).code == expected, comment)
            }
            let introspected = world.send(
                Ask("POST", "/introspect").form(["token": token]).basic("shop", World.encoded(World.secret)))
            #expect(introspected.json["active"] as? Bool == isValid, comment)
            guard key.algorithm.isMAC else { continue }
            for scope in ["local", "others", "global"] {
                let logout = world.send(Ask("POST", "/logout").bearer(token).form(["scope": scope]))
                #expect(logout.code == "alg_not_allowed", comment)
            }
            let revoked = world.revoke(token)
            let isOthers = owner != nil && owner != "first-party"
            let refused = isOthers ? "client_invalid" : "client_not_allowed"
            #expect(revoked.code == (isValid ? refused : nil), comment)
            #expect(world.verify(victim.access).status == 200, comment)
        }
    }

    @Test func `that the service signs with itself are not shared`() throws {
        let world = try Self.world { $0.algorithm = .hs256 }
        for audience in Self.audiences where audience != ["shared", "elsewhere"] {
            #expect(world.verify(Self.forged(World.hs256, audience, "plain")).status == 200)
            #expect(world.verify(Self.forged(Self.hs512, audience, "plain")).code == "alg_not_allowed")
        }
    }

    @Test func `another spelling of a name is another name`() throws {
        let world = try Self.world()
        let kelvin = Client(id: "K", secretHashes: [Self.hash], algorithm: "HS256")
        world.authState.clients.replace(with: try world.authState.clients.current.adding(kelvin))
        #expect(world.verify(Self.forged(World.hs256, ["api"], "K")).status == 200)
        #expect(world.verify(Self.forged(World.hs256, ["api"], "\u{212a}")).code == "alg_not_allowed")
    }

    /// What a backend of `shared` makes of a session of its own there: everything but the secret is genuine.
    private func changed(_ token: String, _ changes: [String: Any]) throws -> String {
        try Reforged.access(token, changes)
    }

    private func isAlive(_ world: World, _ pair: World.Pair) -> Bool { world.verify(pair.access).status == 200 }

    private func login(_ world: World, _ name: String, audience: String = "shared") -> World.Pair {
        World.Pair(
            world.send(
                Ask("POST", "/login").form(["username": name, "password": World.password, "audience": audience])))
    }

    private func logout(_ world: World, _ token: String, _ scope: String) -> Answer {
        world.send(Ask("POST", "/logout").bearer(token).form(["scope": scope]))
    }

    @Test(arguments: ["local", "others", "global"])
    func `end their own session and their own subject's, if this server issued them`(_ scope: String) throws {
        let world = try Self.world()
        let (mine, other, foreign) = (
            login(world, "alice"), login(world, "alice", audience: "api"), login(world, "bob")
        )
        #expect(logout(world, mine.access, scope).status == 204)
        #expect(isAlive(world, mine) == (scope == "others") && isAlive(world, other) == (scope == "local"))
        #expect(isAlive(world, foreign))
    }

    @Test func `of earlier generations of a session end it, too`() throws {
        let world = try Self.world()
        let first = login(world, "alice")
        let second = World.Pair(world.refresh(first.refresh))
        let third = World.Pair(world.refresh(second.refresh))
        #expect(world.revoke(second.access).status == 200 && world.verify(second.access).code == "token_revoked")
        #expect(isAlive(world, first) && isAlive(world, third))
        #expect(logout(world, first.access, "local").status == 204)
        #expect(!isAlive(world, third))
    }

    @Test(arguments: ["local", "others", "global"])
    func `end nothing of others, however genuine parts of them are`(_ scope: String) throws {
        let world = try Self.world()
        let (victim, other) = (login(world, "alice", audience: "api"), login(world, "alice"))
        let mine = login(world, "bob")
        let genuine = world.verify(victim.access).claims
        let forgeries: [[String: Any]] = [
            ["sid": victim.sid], ["sub": "\(World.alice)"], ["sub": "\(World.alice)", "sid": victim.sid],
            ["sub": "\(World.alice)", "sid": "01a3185c-0000-7000-8000-000000000001"], ["jti": genuine["jti"] ?? ""],
            ["sub": "\(World.alice)", "sid": victim.sid, "jti": genuine["jti"] ?? ""],
            ["sub": "\(World.alice)", "sid": other.sid], ["client_id": "shop"],
        ]
        for forgery in forgeries {
            let token = try changed(mine.access, forgery)
            #expect(world.verify(token).status == 200, "\(forgery)")
            let answer = logout(world, token, scope)
            #expect(answer.status == 401 && answer.code == "alg_not_allowed", "\(forgery)")
            let revoked = world.revoke(token)
            #expect(
                revoked.code == (forgery["client_id"] == nil ? "client_not_allowed" : "client_invalid"), "\(forgery)")
        }
        for pair in [victim, other, mine] { #expect(isAlive(world, pair) && world.refresh(pair.refresh).status == 200) }
    }
}
