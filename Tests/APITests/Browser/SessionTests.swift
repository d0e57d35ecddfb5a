import API
import Foundation
import HTTP
import Testing

@Suite("GET /session")
struct SessionTests {
    let world: World

    init() throws { world = try World() }

    private func session(_ cookies: [String]) -> Answer {
        world.send(Ask("GET", "/session").sameOrigin.cookies(cookies))
    }

    @Test func `says who is signed in, by cookie and by bearer token`() throws {
        let jar = world.jar()
        world.clock.advance(100)
        let answer = session(jar.atRoot)
        #expect(
            answer.status == 200 && answer["cache-control"] == "no-store"
                && answer["content-type"] == "application/json")
        #expect(answer.string("subject") == "\(World.alice)" && answer.string("username") == "alice")
        #expect(answer.string("session_id").map { jar.value("session").hasPrefix($0) } == true)
        #expect(answer.string("scope") == "read write admin" && answer.json["roles"] as? [String] == ["admin", "ops"])
        #expect(answer.number("auth_time") == World.start.seconds.count && answer.json["amr"] as? [String] == ["pwd"])
        #expect(answer.number("expires_in") == 500 && answer.number("refresh_expires_in") == 14 * 86_400 - 100)
        let byBearer = world.send(Ask("GET", "/session").bearer(jar.value("access")))
        #expect(byBearer.body == answer.body)
        let zoe = session(world.jar("Zoë %41 雪").atRoot)
        #expect(
            zoe.string("username") == "Zoë %41 雪" && zoe.string("scope") == "" && zoe.json["roles"] as? [String] == [])
    }

    @Test func `the session ends with its maximum, however often it is refreshed`() throws {
        let world = try World { $0.sessionMax = 1_000 }
        let jar = world.jar()
        world.clock.advance(500)
        let next = Jar(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)))
        #expect(next.attributes("refresh").hasPrefix("Max-Age=500;"))
        let answer = world.send(Ask("GET", "/session").sameOrigin.cookies(next.atRoot))
        #expect(answer.number("refresh_expires_in") == 500)
    }

    @Test func `no cookie, an expired one and a broken one are 401, and none is cleared`() {
        let jar = world.jar()
        #expect(session([]).code == "token_missing" && session([jar.session]).code == "token_missing")
        #expect(session(["__Host-Http-martlet-access=\"x\""]).code == "token_malformed")
        world.clock.advance(600)
        let late = session(jar.atRoot)
        #expect(late.code == "token_expired" && Jar(late).lines.isEmpty)
        #expect(late["www-authenticate"]?.hasPrefix("Bearer ") == true)
    }

    @Test func `a bearer token decides where there is one`() {
        let jar = world.jar()
        #expect(world.send(Ask("GET", "/session").cookies(jar.atRoot).bearer("x")).code == "token_malformed")
        let basic = Ask("GET", "/session").cookies(jar.atRoot).with("Authorization", "Basic YTpi")
        #expect(world.send(basic).code == "token_malformed")
        let twice = Ask("GET", "/session").cookies(jar.atRoot).bearer(jar.value("access")).bearer(jar.value("access"))
        #expect(world.send(twice).code == "token_malformed")
        let ambiguous = Ask("GET", "/session").cookies([jar.access, jar.access]).bearer(jar.value("access"))
        #expect(world.send(ambiguous.with("Sec-Fetch-Site", "cross-site")).status == 200)
    }

    @Test func `a client's own token has no session`() throws {
        #expect(world.send(Ask("GET", "/session").bearer(Forged.access(["aud": "\"shared\""]))).code == "claim_missing")
    }

    @Test func `a parameter is refused`() {
        #expect(world.send(Ask("GET", "/session?x=1").sameOrigin).code == "request_malformed")
    }
}
