import API
import Accounts
import Foundation
import Keys
import Service
import Testing

@Suite("GET /sessions and DELETE /sessions/{sid}")
struct SessionListTests {
    let world: World

    init() throws { world = try World { $0.sessionList = SessionListSettings() } }

    private func list(_ token: String) throws -> [[String: Any]] {
        let answer = world.send(Ask("GET", "/sessions").bearer(token))
        #expect(answer.status == 200 && answer["cache-control"] == "no-store", "\(answer.text)")
        return try #require(answer.json["sessions"] as? [[String: Any]])
    }

    private func end(_ sid: String, _ token: String) -> Answer {
        world.send(Ask("DELETE", "/sessions/\(sid)").bearer(token))
    }

    @Test func `a login by cookie that replaces a session ends no other one`() throws {
        let world = try World { $0.sessionList = SessionListSettings(perUser: 2) }
        let phone = world.jar()
        let laptop = world.jar()
        let next = Jar(world.send(World.cookieLogin().cookies([laptop.session])))
        #expect(world.verify(laptop.value("access")).code == "session_revoked")
        #expect(world.verify(phone.value("access")).status == 200 && world.verify(next.value("access")).status == 200)
    }

    @Test func `shows what a user needs to recognize a session, the newest first`() throws {
        let login = Ask("POST", "/login").form([
            "username": "alice", "password": World.password, "device": "Ana’s phone",
        ])
        let one = World.Pair(world.send(login.from(.ipv4(0xcb00_7107))))
        world.clock.advance(5)
        let two = World.Pair(
            world.send(
                Ask("POST", "/login").form(["username": "alice", "password": World.password, "source": "2001:db8::7"])
                    .basic("shop", World.encoded(World.secret))))
        world.clock.advance(60)
        #expect(world.refresh(one.refresh).status == 200)
        _ = world.pair("bob")
        let sessions = try list(one.access)
        #expect(sessions.map { $0["session_id"] as? String } == [two.sid, one.sid])
        #expect(sessions.map { $0["current"] as? Bool } == [false, true])
        #expect(sessions.map { $0["device"] as? String } == [nil, "Ana’s phone"])
        #expect(sessions.map { $0["client_id"] as? String } == ["shop", "first-party"])
        #expect(sessions.map { $0["address"] as? String } == ["2001:db8:0:0:0:0:0:7", "203.0.113.7"])
        let start = World.start.seconds.count
        #expect(sessions.map { $0["created_at"] as? Int64 } == [start + 5, start])
        #expect(sessions.map { $0["last_used_at"] as? Int64 } == [start + 5, start + 65])
        #expect(
            sessions.map { $0["expires_at"] as? Int64 } == [start + 5 + 14 * 86_400, start + 65 + 14 * 86_400])
    }

    @Test func `the address of a backend is not that of its users, and a Unix socket has none`() throws {
        let pair = World.Pair(
            world.send(
                Ask("POST", "/login").form(["username": "alice", "password": World.password])
                    .basic("shop", World.encoded(World.secret)).from(.ipv4(7))))
        _ = world.send(World.login().from(.local))
        #expect(try list(pair.access).allSatisfy { $0["address"] is NSNull })
    }

    @Test func `ends the session that is named, this one too, and no other`() throws {
        let (here, there, bob) = (world.pair(), world.pair(), world.pair("bob"))
        let answer = end(there.sid, here.access)
        #expect(answer.status == 204 && answer.body.isEmpty && answer["cache-control"] == "no-store")
        #expect(try #require(answer.revocationSeq) > 0)
        #expect(world.verify(there.access).code == "session_revoked")
        #expect(world.refresh(there.refresh).code == "session_revoked")
        #expect(end(there.sid, here.access).code == "not_found")
        #expect(end(bob.sid, here.access).code == "not_found" && world.verify(bob.access).status == 200)
        #expect(try list(here.access).count == 1)
        #expect(end(here.sid, here.access).status == 204)
        #expect(end(here.sid, here.access).code == "session_revoked")
    }

    @Test(arguments: [
        "x", "019A0000-0000-7000-8000-000000000000", "019a0000-0000-7000-8000-000000000000", "%00", "a/b",
    ])
    func `a name that no session has is not found`(_ sid: String) {
        #expect(end(sid, world.pair().access).code == "not_found")
    }

    @Test func `sessions that ended in any way are not listed`() throws {
        let here = world.pair()
        let pairs = (0..<4).map { _ in world.pair() }
        let ofShop = world.pair(of: "shop")
        #expect(world.send(Ask("POST", "/logout").bearer(pairs[0].access)).status == 204)
        #expect(world.send(Ask("POST", "/revoke").form(["token": pairs[1].refresh])).status == 200)
        #expect(world.order("{\"sid\":\"\(pairs[2].sid)\"}").status == 200)
        #expect(world.order("{\"client_id\":\"shop\"}").status == 200)
        #expect(try list(here.access).map { $0["session_id"] as? String } == [pairs[3].sid, here.sid])
        let others = Ask("POST", "/logout").bearer(here.access).json("{\"scope\":\"others\"}")
        #expect(world.send(others).status == 204)
        #expect(try list(here.access).map { $0["session_id"] as? String } == [here.sid])
        #expect(world.verify(ofShop.access).status == 401)
    }

    @Test func `tokens without a session, and tokens that a client could forge, are refused`() throws {
        let hash = ClientSecret.hash(Array(World.secret.utf8).span)
        world.authState.clients.replace(
            with: try world.authState.clients.current.adding(
                Client(id: "service", secretHashes: [hash], grants: [Client.clientCredentials])))
        let service = world.send(
            Ask("POST", "/token").form(["grant_type": "client_credentials"])
                .basic("service", World.encoded(World.secret)))
        let token = try #require(service.json["access_token"] as? String)
        for (method, path) in [("GET", "/sessions"), ("DELETE", "/sessions/019a0000-0000-7000-8000-000000000000")] {
            #expect(world.send(Ask(method, path).bearer(token)).code == "request_malformed")
            let forged = Forged.access(["aud": "\"shared\"", "sid": "\"\(world.pair().sid)\""])
            #expect(world.send(Ask(method, path).bearer(forged)).code == "alg_not_allowed")
        }
    }

    @Test func `a login ends the oldest beyond the limit, and says so in the log`() throws {
        let world = try World { $0.sessionList = SessionListSettings(perUser: 2) }
        let pairs = (0..<3).map { _ in world.pair() }
        #expect(pairs.map { world.verify($0.access).status } == [401, 200, 200])
        #expect(world.verify(pairs[0].access).code == "session_revoked")
        #expect(world.log.all.contains { $0.contains("\"session_displaced\"") && $0.contains(pairs[0].sid) })
    }

    @Test func `off: not enabled, whatever is sent, and nothing is stored`() throws {
        let world = try World()
        let pair = world.pair()
        for ask in [Ask("GET", "/sessions"), Ask("DELETE", "/sessions/\(pair.sid)")] {
            for one in [ask, ask.bearer(pair.access)] {
                let answer = world.send(one)
                #expect(answer.status == 404 && answer.code == "not_enabled")
            }
        }
        #expect(world.authState.revocations.listedSessionCount == 0)
        #expect(world.verify(pair.access).status == 200)
    }

    @Test func `an end that cannot be written is answered 503, and may be asked for again`() throws {
        let (here, there) = (world.pair(), world.pair())
        world.journal.breakDown()
        for _ in 0..<2 { #expect(end(there.sid, here.access).code == "journal_unavailable") }
        #expect(try list(here.access).count == 1)
    }

    /// Replaces the refresh secret as a compromise does, at a time between two seconds.
    private func changeSecret(_ world: World, compromised: Bool) throws {
        let new = World.made(.hs256, .refresh, at: world.clock.now)
        let kept = world.authState.keyring.current.keys.filter { !compromised || $0.purpose == .access }
        world.authState.replaceKeyring(with: try Keyring(kept + [new]))
    }

    private func revokeKey(_ world: World, _ kid: String) {
        #expect(world.order("{\"kid\":\"\(kid)\",\"unknown\":\"allow\"}").status == 200)
    }

    @Test(arguments: [true, false])
    func `a session whose refresh secret was revoked leaves the list, and does not count`(_ isGone: Bool) throws {
        let world = try World { $0.sessionList = SessionListSettings(perUser: 2) }
        let (first, second) = (world.pair(), world.pair())
        world.clock.advance(1)
        try changeSecret(world, compromised: isGone)
        revokeKey(world, World.refresh.kid)
        #expect(world.refresh(first.refresh).status == 401)
        world.clock.advance(1)
        let (third, fourth) = (world.pair(), world.pair())
        // Both of the old ones are over, so neither of them had to end.
        #expect(world.log.events("session_displaced").isEmpty)
        #expect(try ids(world, fourth) == [fourth.sid, third.sid])
        // An access token that is still valid shows its own session.
        #expect(try ids(world, second) == [fourth.sid, third.sid, second.sid])
        #expect(world.send(Ask("DELETE", "/sessions/\(first.sid)").bearer(fourth.access)).status == 204)
        _ = world.pair()
        #expect(world.log.events("session_displaced").map { $0["sid"] as? String } == [third.sid])
    }

    @Test func `a session that was refreshed with the next secret stays`() throws {
        let world = try World { $0.sessionList = SessionListSettings() }
        let (kept, lost) = (world.pair(), world.pair())
        world.clock.advance(1)
        try changeSecret(world, compromised: false)
        world.clock.advance(1)
        let next = World.Pair(world.refresh(kept.refresh))
        #expect(try ids(world, next) == [lost.sid, kept.sid])
        world.clock.advance(1)
        revokeKey(world, World.refresh.kid)
        #expect(try ids(world, next) == [kept.sid])
        #expect(world.refresh(next.refresh).status == 200 && world.refresh(lost.refresh).status == 401)
    }

    @Test func `the end of an access key ends no session`() throws {
        let world = try World { $0.sessionList = SessionListSettings(perUser: 2) }
        let (first, second) = (world.pair(), world.pair())
        world.clock.advance(1)
        revokeKey(world, World.hs256.kid)
        #expect(try ids(world, second) == [second.sid, first.sid])
        _ = world.pair()
        #expect(world.log.events("session_displaced").map { $0["sid"] as? String } == [first.sid])
    }

    @Test(arguments: ["{\"sub\":\"\(World.alice)\"}", "{\"client_id\":\"first-party\"}", "{\"all\":true}"])
    func `sessions that an operator's revocation ended leave the list, and do not count`(_ order: String) throws {
        let world = try World { $0.sessionList = SessionListSettings(perUser: 2) }
        _ = (world.pair(), world.pair())
        #expect(world.order(order).status == 200)
        let (third, fourth) = (world.pair(), world.pair())
        #expect(world.log.events("session_displaced").isEmpty)
        #expect(try ids(world, fourth) == [fourth.sid, third.sid])
    }

    private func ids(_ world: World, _ pair: World.Pair) throws -> [String] {
        let answer = world.send(Ask("GET", "/sessions").bearer(pair.access))
        return try #require(answer.json["sessions"] as? [[String: Any]]).compactMap { $0["session_id"] as? String }
    }
}
