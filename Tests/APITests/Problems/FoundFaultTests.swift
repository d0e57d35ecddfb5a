import Accounts
import Encoding
import HTTP
import Platform
import Service
import Testing

@Suite("Faults that an attack on the finished service found")
struct FoundFaultTests {
    @Test(arguments: ["others", "global"])
    func `the refresh token of an ended session ends no other session (G12)`(_ reach: String) throws {
        let world = try World()
        let (stolen, mine) = (world.pair(), world.pair())
        #expect(world.send(Ask("POST", "/logout").bearer(stolen.access)).status == 204)
        let answer = world.send(
            Ask("POST", "/logout").json("{\"refresh_token\":\"\(stolen.refresh)\",\"scope\":\"\(reach)\"}"))
        #expect(answer.status == 401 && answer.code == "session_revoked")
        #expect(world.verify(mine.access).status == 200)
    }

    @Test func `an answer that was lost may be asked for again: ending an ended session is no error`() throws {
        let world = try World()
        let pair = world.pair()
        for _ in 0..<2 {
            #expect(world.send(Ask("POST", "/logout").form(["refresh_token": pair.refresh])).status == 204)
        }
    }

    @Test func `a scope taken from a user is not in the next token (G8)`() throws {
        let world = try World()
        let pair = world.pair()
        let changed = try world.authState.users.current.changing("alice") { $0.scopes = ["read"] }
        world.authState.users.replace(with: changed)
        let next = world.refresh(pair.refresh)
        #expect(next.status == 200 && next.string("scope") == "read")
        let asking = Ask("POST", "/refresh").form([
            "refresh_token": next.string("refresh_token") ?? "", "scope": "admin",
        ])
        #expect(world.send(asking).code == "scope_invalid")
    }

    @Test func `the same refresh after a scope was taken is a replay still, with less in it`() throws {
        let world = try World()
        let pair = world.pair()
        #expect(world.refresh(pair.refresh).string("scope") == "read write admin")
        let changed = try world.authState.users.current.changing("alice") { $0.scopes = ["read"] }
        world.authState.users.replace(with: changed)
        let replay = world.refresh(pair.refresh)
        #expect(replay["refresh-outcome"] == "replayed" && replay.string("scope") == "read")
    }

    @Test func `a shorter session limit holds for sessions that began under a longer one (G6)`() throws {
        let before = try World()
        let pair = before.pair()
        let after = try World { $0.sessionMax = 3_600 }
        after.clock.advance(3_599)
        let answer = after.refresh(pair.refresh)
        #expect(answer.status == 200)
        after.clock.advance(2)
        #expect(after.refresh(answer.string("refresh_token") ?? "").code == "refresh_expired")
    }

    @Test func `a clock that jumps ahead and back leaves no tokens that live long (D1)`() throws {
        let world = try World()
        let (one, two) = (world.pair(), world.pair())
        world.clock.advance(86_400)
        #expect(world.refresh(one.refresh).status == 200)
        world.clock.advance(-86_400)
        let answer = world.refresh(two.refresh)
        let claims = world.verify(answer.string("access_token") ?? "").claims
        #expect(claims["exp"] as? Int64 == world.clock.seconds + 600)
    }

    @Test func `a clock that jumps ahead and back does not stretch the grace time (G3, G5)`() throws {
        let world = try World()
        let (one, two) = (world.pair(), world.pair())
        world.clock.advance(86_400)
        #expect(world.refresh(one.refresh).status == 200)
        world.clock.advance(-86_400)
        #expect(world.refresh(two.refresh)["refresh-outcome"] == "rotated")
        world.clock.advance(20)
        #expect(world.refresh(two.refresh)["refresh-outcome"] == "replayed")
        world.clock.advance(2)
        #expect(world.refresh(two.refresh).code == "refresh_reused")
    }

    @Test func `a refresh asks for nothing that the session was not given (G8)`() throws {
        let world = try World()
        let narrow = World.Pair(
            world.send(
                Ask("POST", "/login").form(
                    ["username": "alice", "password": World.password, "scope": "read"])))
        let asking = Ask("POST", "/refresh").form(["refresh_token": narrow.refresh, "scope": "read admin"])
        #expect(world.send(asking).code == "scope_invalid")
        #expect(world.refresh(narrow.refresh).string("scope") == "read")
    }

    @Test func `a new password ends sessions begun until it is taken up, whatever their date (G14)`() throws {
        let world = try World()
        let changedAt = world.clock.now
        world.clock.advance(1)
        let late = world.pair()
        world.authState.users.apply(try world.authState.users.current.changing("alice") { $0.sessionsFrom = changedAt })
        #expect(world.verify(late.access).code == "session_revoked")
        #expect(world.refresh(late.refresh).code == "session_revoked")
        let next = world.pair()
        #expect(world.verify(next.access).status == 200)
        world.authState.users.apply(try world.authState.users.current.changing("alice") { $0.roles = [] })
        #expect(world.verify(next.access).status == 200)
    }

    @Test func `a new password from a machine whose clock is ahead locks nobody out (G14)`() throws {
        let world = try World()
        let old = world.pair()
        let accounts = try world.authState.users.current.changing("alice") {
            $0.sessionsFrom = world.clock.now.adding(milliseconds: 3_600_000)
        }
        world.authState.users.apply(accounts)
        #expect(world.verify(old.access).code == "subject_revoked")
        let line = try #require(world.log.events("sessions_from_ahead").last)
        #expect(line["milliseconds"] as? Int == 3_600_000 && line["sub"] as? String == "\(World.alice)")
        let next = world.pair()
        #expect(world.verify(next.access).status == 200)
        // The same time again ends nothing; a later one does.
        world.clock.advance(5)
        world.authState.users.apply(try accounts.changing("alice") { $0.roles = [] })
        #expect(world.verify(next.access).status == 200)
        world.authState.users.apply(
            try accounts.changing("alice") { $0.sessionsFrom = $0.sessionsFrom.adding(milliseconds: 1) })
        #expect(world.verify(next.access).code == "subject_revoked")
        // A start does not know what ended before it.
        let late = world.pair()
        world.authState.users.replace(with: accounts)
        world.authState.users.applySessionLimitsAtStart()
        #expect(world.verify(late.access).code == "subject_revoked")
        #expect(world.verify(world.pair().access).status == 200)
    }

    @Test func `a password that changed while it was being checked opens no session (G14)`() throws {
        let world = try World()
        let loop = Loop()
        var response = Response()
        let request = World.login().laidOut()
        #expect(world.application.handle(request, &response, Exchange(loop: loop, ticket: 1)) == .deferred)
        let finish = loop.wait(world.application)
        world.authState.users.apply(
            try world.authState.users.current.changing("alice") { $0.sessionsFrom = world.clock.now })
        response = Response()
        finish(world.application, &response)
        #expect(Answer(response).code == "invalid_credentials")
    }

    @Test func `a new password ends the sessions although the clock was set back since the last one (G14)`() throws {
        let world = try World()
        world.authState.users.apply(
            try world.authState.users.current.changing("alice") { $0.sessionsFrom = world.clock.now })
        let pair = world.pair()
        world.clock.advance(-3_600)
        world.authState.users.apply(
            try world.authState.users.current.changing("alice") { $0.sessionsFrom = world.clock.now })
        #expect(world.verify(pair.access).code == "subject_revoked")
        #expect(world.refresh(pair.refresh).code == "subject_revoked")
        #expect(world.verify(world.pair().access).status == 200)
    }

    @Test func `a session of a clock that was ahead is refused until its time has come`() throws {
        let world = try World()
        let sid = UUID(high: UUID.version7High(milliseconds: World.start.adding(milliseconds: 60_000)), low: 1 << 63)
        let token = Forged.access(["sid": "\"\(sid)\"", "aud": "\"shared\""])
        #expect(world.verify(token).code == "token_not_active")
        world.clock.advance(60)
        #expect(world.verify(token).status == 200)
        // A clock that is set back while the service runs leaves its sessions alone.
        let pair = world.pair()
        world.clock.advance(-120)
        #expect(world.verify(pair.access).status == 200)
        #expect(world.refresh(pair.refresh).status == 200)
    }

    @Test func `no two users look alike to what stands behind a gateway (J7)`() throws {
        let world = try World()
        let names = ["Zoë", "Zo%C3%AB"]
        for name in names {
            let user = User(
                id: UUID(high: 0x019a_0000_0000_7000, low: UInt64(name.utf8.count)), name: name,
                passwordHash: World.hash)
            world.authState.users.replace(with: try world.authState.users.current.adding(user))
        }
        let seen = names.map { world.send(Ask("GET", "/auth").bearer(world.pair($0).access))["x-auth-user"] }
        #expect(seen == ["Zo%C3%AB", "Zo%25C3%25AB"])
    }
}
