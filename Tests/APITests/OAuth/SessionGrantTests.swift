import Accounts
import Encoding
import Keys
import Platform
import Service
import Testing
import Tokens

@testable import API

@Suite("POST /token with the session grant")
struct SessionGrantTests {
    private static func world(_ change: (inout Client) -> Void = { _ in }) throws -> World {
        let world = try World()
        try world.replacePortal(change)
        return world
    }

    private static func ask(_ rest: String, id: String = "portal") -> Ask {
        Ask("POST", "/token").form("grant_type=\(Client.session)&" + rest).basic(id, World.encoded(World.secret))
    }

    @Test(arguments: ["username=alice", "sub=\(World.alice)"])
    func `opens the session of a user, and answers as a login`(_ who: String) throws {
        let world = try Self.world()
        let time = world.clock.seconds - 30
        let answer = world.send(Self.ask(who + "&amr=hwk+pin&auth_time=\(time)&scope=read&device=phone"))
        #expect(answer.status == 200 && answer["cache-control"] == "no-store", "\(answer.text)")
        let login = Ask("POST", "/login").form([
            "username": "alice", "password": World.password, "device": "phone",
        ])
        #expect(Set(answer.json.keys) == Set(world.send(login).json.keys))
        let pair = World.Pair(answer)
        let claims = world.verify(pair.access).claims
        #expect(claims["sub"] as? String == World.alice.description && claims["client_id"] as? String == "portal")
        #expect(claims["amr"] as? [String] == ["hwk", "pin"] && claims["auth_time"] as? Int64 == time)
        #expect(claims["roles"] as? [String] == ["admin", "ops"] && claims["sid"] as? String == pair.sid)
        #expect(claims["scope"] as? String == "read")
        let next = World.Pair(world.refresh(pair.refresh, of: "portal"))
        #expect(world.verify(next.access).claims["amr"] as? [String] == ["hwk", "pin"])
        #expect(world.send(Ask("GET", "/verify?max_age=29").bearer(next.access)).code == "auth_too_old")
        #expect(world.log.events("session_granted").first?["sub"] as? String == World.alice.description)
    }

    @Test func `without amr the token names no method, and the scope is what user and client have`() throws {
        let world = try Self.world()
        let answer = world.send(Self.ask("username=alice&resource=&audience=billing"))
        let claims = world.verify(answer.string("access_token") ?? "").claims
        #expect(claims["amr"] == nil && claims["scope"] as? String == "read write")
        #expect(claims["aud"] as? String == "billing" && claims["auth_time"] as? Int64 == world.clock.seconds)
        let next = World.Pair(world.refresh(answer.string("refresh_token") ?? "", of: "portal"))
        #expect(world.verify(next.access).status == 200)
    }

    @Test(arguments: [
        ("username=nobody", "invalid_grant"), ("username=mallory", "invalid_grant"),
        ("username=external:portal:42", "invalid_grant"), ("username=\(World.alice)", "invalid_grant"),
        ("sub=\(World.mallory)", "invalid_grant"), ("sub=42", "invalid_grant"), ("sub=alice", "invalid_grant"),
        ("", "invalid_request"), ("sub=", "invalid_request"), ("sub=a&sub=b", "invalid_request"),
        ("username=alice&sub=\(World.alice)", "invalid_request"), ("username=alice&amr=a++b", "invalid_request"),
        ("username=alice&amr=a+a", "invalid_request"), ("username=alice&amr=a,b", "invalid_request"),
        ("username=alice&amr=1+2+3+4+5+6+7+8+9", "invalid_request"),
        ("username=alice&amr=" + String(repeating: "x", count: 33), "invalid_request"),
        ("username=alice&auth_time=1800000001", "invalid_request"), ("username=alice&auth_time=1", "invalid_request"),
        ("username=alice&auth_time=x", "invalid_request"), ("username=alice&auth_time=-1", "invalid_request"),
        ("username=alice&auth_time=9223372036854775807", "invalid_request"),
        ("username=alice&device=%00", "invalid_request"), ("username=alice&scope=fly", "invalid_scope"),
        ("username=alice&scope=admin", "invalid_scope"), ("username=alice&audience=none", "invalid_target"),
        ("username=alice&resource=api", "invalid_target"), ("username=alice&refresh_token=x", "invalid_request"),
    ])
    func `refuses an unknown or disabled user, and what is malformed`(_ rest: String, _ error: String) throws {
        let answer = try Self.world().send(Self.ask(rest))
        #expect(answer.status == 400 && answer.string("error") == error, "\(answer.text)")
    }

    @Test func `needs a client with the grant, and no user's token will do`() throws {
        let world = try Self.world()
        let other = world.send(Self.ask("username=alice", id: "shop"))
        #expect(other.status == 400 && other.string("error") == "unauthorized_client")
        let token = world.pair().access
        let ask = Ask("POST", "/token").form("grant_type=\(Client.session)&username=alice")
        #expect(world.send(ask.bearer(token)).code == "client_invalid" && world.send(ask).status == 401)
        #expect(world.send(Self.ask("username=alice", id: "old")).code == "client_invalid")
    }

    @Test func `the session ends as if it had begun when the user authenticated`() throws {
        let world = try Self.world()
        let day: Int64 = 86_400
        let pair = World.Pair(world.send(Self.ask("username=alice&auth_time=\(world.clock.seconds - 89 * day)")))
        world.clock.advance(day - 1)
        let last = World.Pair(world.refresh(pair.refresh, of: "portal"))
        #expect(world.verify(last.access).status == 200)
        world.clock.advance(1)
        #expect(world.verify(last.access).code == "token_expired")
        #expect(world.refresh(last.refresh, of: "portal").code == "refresh_expired")
    }

    @Test func `a session that would have ended before it is recorded does not begin`() throws {
        let world = try Self.world()
        let begin = world.clock.seconds - 90 * 86_400 + 1
        let waiting = world.start(Self.ask("username=alice&auth_time=\(begin)"))
        world.clock.advance(2)
        #expect(waiting().string("error") == "invalid_grant")
        #expect(world.send(Self.ask("username=alice&auth_time=\(begin)")).string("error") == "invalid_request")
    }

    @Test func `within the leeway auth_time may be ahead, and is never later than the session`() throws {
        let world = try World { $0.leeway = 5 }
        try world.replacePortal { _ in }
        #expect(world.send(Self.ask("username=alice&auth_time=\(world.clock.seconds + 6)")).status == 400)
        let pair = World.Pair(world.send(Self.ask("username=alice&auth_time=\(world.clock.seconds + 5)")))
        #expect(world.verify(pair.access).claims["auth_time"] as? Int64 == world.clock.seconds)
    }

    @Test func `a user of another system has a session with the scopes of the client`() throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        let pair = World.Pair(world.send(Self.ask("sub=u|42")))
        let claims = world.verify(pair.access).claims
        #expect(claims["sub"] as? String == "external:portal:u|42" && claims["scope"] as? String == "read write")
        #expect(claims["roles"] == nil)
        let auth = world.send(Ask("GET", "/auth").bearer(pair.access))
        #expect(auth["x-auth-subject"] == "external:portal:u|42" && auth["x-auth-user"] == "")
        #expect(auth["x-auth-session"] == pair.sid && auth["x-auth-client"] == "portal")
        world.clock.advance(60)
        let next = World.Pair(world.refresh(pair.refresh, of: "portal"))
        for token in [next.access, next.refresh] {
            let told = world.introspect(token)
            #expect(told.json["active"] as? Bool == true && told.string("username") == nil, "\(told.text)")
            #expect(told.string("sub") == "external:portal:u|42")
        }
        let password = Ask("POST", "/password").bearer(next.access).form("current_password=x&new_password=y")
        #expect(world.send(password).code == "request_malformed")
        #expect(world.order(#"{"sub":"external:portal:u|42"}"#).status == 200)
        #expect(world.verify(next.access).code == "subject_revoked")
        #expect(world.refresh(next.refresh, of: "portal").code == "subject_revoked")
        #expect(world.order(#"{"sub":"external:none:u|42"}"#).status == 400)
    }

    @Test(arguments: [
        #"{"client_id":"portal"}"#, #"{"all":true}"#, "sid", "kid", "logout", "others", "global", "revoke",
    ])
    func `every revocation counts for them`(_ kind: String) throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        let pairs = (0..<2).map { _ in World.Pair(world.send(Self.ask("sub=42"))) }
        let bearer = Ask("POST", "/logout").bearer(pairs[0].access)
        switch kind {
        case "sid": #expect(world.order(#"{"sid":"\#(pairs[0].sid)"}"#).status == 200)
        case "kid": #expect(world.order(#"{"kid":"\#(World.rs256.kid)"}"#).status == 200)
        case "logout": #expect(world.send(bearer).status == 204)
        case "others", "global": #expect(world.send(bearer.form("scope=\(kind)")).status == 204)
        case "revoke":
            let ask = Ask("POST", "/revoke").form(["token": pairs[0].access]).basic(
                "portal", World.encoded(World.secret))
            #expect(world.send(ask).status == 200)
        default: #expect(world.order(kind).status == 200)
        }
        let alive = pairs.map { world.verify($0.access).status == 200 }
        let expected: [Bool] =
            switch kind {
            case "others": [true, false]
            case "sid", "logout", "revoke": [false, true]
            default: [false, false]
            }
        #expect(alive == expected)
    }

    @Test func `by the refresh token a logout ends such a session, and others of the subject`() throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        let (one, two, other) = (
            World.Pair(world.send(Self.ask("sub=42"))), World.Pair(world.send(Self.ask("sub=42"))),
            World.Pair(world.send(Self.ask("sub=43")))
        )
        let form: KeyValuePairs = ["refresh_token": one.refresh, "scope": "global"]
        #expect(world.send(Ask("POST", "/logout").form(form)).status == 204)
        #expect([one, two, other].map { world.verify($0.access).status } == [401, 401, 200])
    }

    @Test(
        arguments: [
            { (client: inout Client) in client.isDisabled = true }, { $0.opensForAnyUser = false }, { $0.grants = [] },
        ] as [@Sendable (inout Client) -> Void])
    func `their sessions end with the permission of the client`(_ change: @Sendable (inout Client) -> Void) throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        let pair = World.Pair(world.send(Self.ask("sub=42")))
        let local = World.Pair(world.send(Self.ask("username=alice")))
        #expect(world.verify(pair.access).status == 200)
        try world.replacePortal {
            $0.opensForAnyUser = true
            change(&$0)
        }
        #expect(world.verify(pair.access).code == "client_revoked")
        #expect(world.verify(local.access).status == 200)
        let refused = world.refresh(pair.refresh, of: "portal")
        #expect(refused.status == 401 && ["client_revoked", "client_invalid"].contains(refused.code ?? ""))
        #expect(world.send(Ask("POST", "/logout").form(["refresh_token": pair.refresh])).code == "client_revoked")
        // A removed client, and another one of the same name later.
        world.authState.clients.replace(with: try World.clients())
        #expect(world.verify(pair.access).code == "client_revoked")
        #expect(world.refresh(pair.refresh, of: "portal").code == "client_invalid")
    }

    @Test func `the users of two clients are different users`() throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        let second = try world.authState.clients.current.changing("shop") { shop in
            shop.grants = [Client.session]
            shop.opensForAnyUser = true
        }
        world.authState.clients.replace(with: second)
        let (one, two) = (
            World.Pair(world.send(Self.ask("sub=42"))), World.Pair(world.send(Self.ask("sub=42", id: "shop")))
        )
        #expect(world.verify(two.access).claims["sub"] as? String == "external:shop:42")
        #expect(world.send(Ask("POST", "/logout").bearer(two.access).form("scope=global")).status == 204)
        #expect(world.verify(one.access).status == 200 && world.verify(two.access).status == 401)
        #expect(world.refresh(one.refresh, of: "shop").code == "client_not_allowed")
        #expect(world.send(Self.ask("sub=portal:42", id: "shop")).status == 200)
    }

    @Test func `such a subject never becomes another kind of subject`() throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        for name in [
            "%20a", "a%20", "%C3%A9", "a%00", "a%0A", "a%7F", "a%22", "a%5C", String(repeating: "a", count: 129),
        ] {
            #expect(world.send(Self.ask("sub=" + name)).string("error") == "invalid_grant", "\(name)")
        }
        for name in ["a%20b/%25|", "client:shop", "external:portal:1", String(repeating: "a", count: 128)] {
            let pair = World.Pair(world.send(Self.ask("sub=" + name)))
            let claims = world.verify(pair.access).claims
            #expect((claims["sub"] as? String)?.hasPrefix("external:portal:") == true, "\(name)")
            #expect(world.verify(World.Pair(world.refresh(pair.refresh, of: "portal")).access).status == 200)
        }
        // Ids may be chosen by users, so the id of a user of this service is not one of them.
        for id in [World.alice, World.mallory] {
            let answer = world.send(Self.ask("sub=\(id)"))
            #expect(answer.string("error") == "invalid_grant" && answer.string("detail")?.contains("username") == true)
        }
        #expect(world.send(Self.ask("username=42")).status == 400)
        let local = World.Pair(world.send(Self.ask("username=alice")))
        #expect(world.verify(local.access).claims["sub"] as? String == World.alice.description)
    }

    @Test func `a client without scopes gives its own users none`() throws {
        let world = try Self.world { client in
            client.opensForAnyUser = true
            client.scopes = []
        }
        let answer = world.send(Self.ask("sub=42"))
        #expect(answer.status == 200 && answer.string("scope") == "")
        #expect(world.send(Self.ask("sub=42&scope=read")).string("error") == "invalid_scope")
    }

    @Test func `a user who is disabled while the session is recorded gets none`() throws {
        let world = try Self.world()
        let waiting = world.start(Self.ask("username=alice"))
        let changed = try World.users().changing("alice") { $0.isDisabled = true }
        world.authState.users.apply(changed)
        let answer = waiting()
        #expect(answer.status == 400 && answer.string("error") == "invalid_grant", "\(answer.text)")
        let external = try Self.world { $0.opensForAnyUser = true }
        let late = external.start(Self.ask("sub=42"))
        try external.replacePortal { _ in }
        #expect(late().string("error") == "invalid_grant")
        #expect(external.log.events("session_refused").count == 1)
    }

    @Test func `with a broken journal or without a key there is no session`() throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        try world.loseSigner()
        #expect(world.send(Self.ask("sub=42")).code == "signing_unavailable")
        let broken = try Self.world { $0.opensForAnyUser = true }
        broken.journal.breakDown()
        #expect(broken.send(Self.ask("sub=42")).code == "journal_unavailable")
        #expect(broken.send(Self.ask("sub=42")).code == "journal_unavailable")
    }

    @Test func `the shared secret of another client signs no such session`() throws {
        let world = try Self.world { $0.opensForAnyUser = true }
        let secretive = try world.authState.clients.current.changing("secretive") { client in
            client.grants = [Client.session]
            client.opensForAnyUser = true
        }
        world.authState.clients.replace(with: secretive)
        let pair = World.Pair(world.send(Self.ask("sub=42", id: "secretive")))
        #expect(world.verify(pair.access).status == 200)
        for subject in ["external:portal:42", "external:secretive:", "external:secretive", "external:", "secretive:42"]
        {
            let forged = Forged.access([
                "aud": #""api""#, "client_id": #""secretive""#, "sub": "\"\(subject)\"",
                "sid": #""019a0000-0000-7000-8000-000000000009""#,
            ])
            #expect(world.verify(forged).status == 401, "\(subject)")
        }
    }
}

extension World {
    fileprivate func replacePortal(_ change: (inout Client) -> Void) throws {
        var portal = Client(
            id: "portal", secretHashes: [ClientSecret.hash(Array(Self.secret.utf8).span)], scopes: ["read", "write"],
            grants: [Client.session])
        change(&portal)
        authState.clients.replace(with: try Self.clients().adding(portal))
    }

    fileprivate func refresh(_ token: String, of client: String) -> Answer {
        send(Ask("POST", "/refresh").form(["refresh_token": token]).basic(client, Self.encoded(Self.secret)))
    }

    fileprivate func introspect(_ token: String) -> Answer {
        send(Ask("POST", "/introspect").form(["token": token]).basic("portal", Self.encoded(Self.secret)))
    }
}
