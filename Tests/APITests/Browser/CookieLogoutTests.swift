import API
import Foundation
import HTTP
import Testing

@Suite("POST /logout by cookie")
struct CookieLogoutTests {
    let world: World

    init() throws { world = try World() }

    private func logout(_ cookies: [String], _ json: String? = nil) -> Answer {
        let ask = Ask("POST", "/logout").sameOrigin.cookies(cookies)
        return world.send(json.map { ask.json($0) } ?? ask)
    }

    private func isAlive(_ jar: Jar) -> Bool {
        world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)).status == 200
    }

    @Test func `ends the session and clears the cookies with their own attributes: K9`() {
        let jar = world.jar()
        let answer = logout(jar.atRoot)
        #expect(answer.status == 204 && answer["revocation-seq"] != nil)
        let cleared = Jar(answer)
        #expect(cleared.isCleared)
        for kind in ["access", "session", "refresh"] {
            let kept = jar.attributes(kind).replacing(/Max-Age=\d+/, with: "Max-Age=0")
            #expect(cleared.attributes(kind) == kept && cleared.value(kind).isEmpty)
        }
        #expect(world.verify(jar.value("access")).code == "session_revoked" && !isAlive(jar))
    }

    @Test func `an expired access token ends its session, and so does the session cookie alone`() {
        let (first, second, other) = (world.jar(), world.jar(), world.jar())
        world.clock.advance(700)
        let byAccess = logout([first.access])
        #expect(byAccess.status == 204 && Jar(byAccess).isCleared && !isAlive(first))
        let bySession = logout([second.session])
        #expect(bySession.status == 204 && Jar(bySession).isCleared && !isAlive(second))
        #expect(isAlive(other))
    }

    @Test func `cookies that prove nothing end nothing and are cleared`() {
        let jar = world.jar()
        let sid = String(jar.value("session").prefix(36))
        let forged = Forged.access(["sid": "\"\(sid)\"", "exp": "1"], header: ["kid": "\"\(World.hs256.kid)\""])
        let broken = jar.value("access").dropLast(8) + "AAAAAAAA"
        for cookie in [
            "__Host-Http-martlet-session=\(sid).1.\(sid)", "__Host-Http-martlet-access=\(forged)",
            "__Host-Http-martlet-access=\(broken)", "__Host-Http-martlet-access=\"\(jar.value("access"))\"",
            "__Host-Http-martlet-session=", "__Host-Http-martlet-access=x",
        ] {
            let answer = logout([cookie])
            #expect(answer.status == 401 && Jar(answer).isCleared, "\(cookie)")
        }
        let none = logout(["foreign=1"])
        #expect(none.code == "token_missing" && Jar(none).lines.isEmpty)
        #expect(isAlive(jar))
    }

    @Test func `others and global need a valid access token, and others keeps the cookies`() {
        let (jar, other) = (world.jar(), world.jar())
        let others = logout(jar.atRoot, "{\"scope\":\"others\"}")
        #expect(others.status == 204 && Jar(others).lines.isEmpty)
        #expect(world.verify(jar.value("access")).status == 200 && !isAlive(other))
        world.clock.advance(700)
        let late = logout(jar.atRoot, "{\"scope\":\"global\"}")
        #expect(late.code == "token_expired" && Jar(late).lines.isEmpty)
        let next = Jar(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)))
        let global = logout(next.atRoot, "{\"scope\":\"global\"}")
        #expect(global.status == 204 && Jar(global).isCleared && !isAlive(next))
    }

    @Test func `a token decides where there is one, and its answer clears nothing`() {
        let (jar, pair, second) = (world.jar(), world.pair(), world.pair())
        let byBearer = world.send(Ask("POST", "/logout").cookies(jar.atRoot).bearer(pair.access))
        #expect(byBearer.status == 204 && Jar(byBearer).lines.isEmpty)
        let byContent = world.send(
            Ask("POST", "/logout").cookies(jar.atRoot).form(["refresh_token": second.refresh]))
        #expect(byContent.status == 204 && Jar(byContent).lines.isEmpty)
        #expect(world.send(Ask("POST", "/logout").cookies(jar.atRoot).bearer("x")).code == "token_malformed")
        #expect(world.verify(jar.value("access")).status == 200)
    }

    @Test func `a page of another site signs nobody out`() {
        let jar = world.jar()
        for ask in [
            Ask("POST", "/logout").with("Sec-Fetch-Site", "same-site"), Ask("POST", "/logout"),
            Ask("POST", "/logout").form("scope=global"), Ask("POST", "/logout").with("Origin", "null"),
        ] {
            let answer = world.send(ask.cookies(jar.atRoot))
            #expect(answer.status == 403 && Jar(answer).lines.isEmpty)
        }
        #expect(isAlive(jar))
    }

    @Test func `a full disk keeps the cookies`() {
        let jar = world.jar()
        world.journal.breakDown()
        let answer = logout(jar.atRoot)
        #expect(answer.status == 503 && Jar(answer).lines.isEmpty)
    }
}
