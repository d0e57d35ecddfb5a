import API
import Foundation
import HTTP
import Testing

@Suite("POST /refresh by cookie")
struct CookieRefreshTests {
    let world: World

    init() throws { world = try World() }

    private func refresh(_ cookies: [String]) -> Answer {
        world.send(Ask("POST", "/refresh").sameOrigin.cookies(cookies))
    }

    @Test func `rotates, sets all cookies, and has no token in the content`() {
        let jar = world.jar()
        world.clock.advance(700)
        let answer = refresh([jar.session, jar.refresh])
        #expect(answer.status == 200 && answer["refresh-outcome"] == "rotated")
        #expect(answer.string("token_type") == "Cookie" && answer.string("access_token") == nil)
        let next = Jar(answer)
        #expect(next.lines.count == 3 && next.refresh != jar.refresh && next.access != jar.access)
        #expect(next.attributes("access") == jar.attributes("access"))
        #expect(world.verify(next.value("access")).status == 200)
        // Twenty tabs send the same request; all get the same cookies.
        let again = refresh([jar.session, jar.refresh])
        #expect(again["refresh-outcome"] == "replayed" && Jar(again).lines == next.lines && again.body == answer.body)
    }

    @Test func `tabs that send the new cookies at once do not make the requests of the others a reuse`() {
        let jar = world.jar()
        world.clock.advance(700)
        let first = refresh(jar.atRefresh)
        let next = Jar(first)
        world.clock.advance(9)
        let early = refresh(next.atRefresh)
        #expect(early["refresh-outcome"] == "replayed" && Jar(early).lines == next.lines && early.body == first.body)
        let late = refresh(jar.atRefresh)
        #expect(late["refresh-outcome"] == "replayed" && Jar(late).lines == next.lines)
        world.clock.advance(1)
        let second = refresh(next.atRefresh)
        #expect(second["refresh-outcome"] == "rotated" && Jar(second).refresh != next.refresh)
        // A refresh token in the content is rotated each time that it is new.
        let pair = World.Pair(world.send(World.login()))
        let successor = World.Pair(world.refresh(pair.refresh))
        #expect(world.refresh(successor.refresh)["refresh-outcome"] == "rotated")
    }

    @Test func `a repetition has at least half of the access token's lifetime left`() throws {
        let world = try World { $0.accessLifetime = 10 }
        let next = Jar(world.send(Ask("POST", "/refresh").sameOrigin.cookies(world.jar().atRefresh)))
        world.clock.advance(4)
        #expect(
            world.send(Ask("POST", "/refresh").sameOrigin.cookies(next.atRefresh))["refresh-outcome"] == "replayed")
        world.clock.advance(1)
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(next.atRefresh))["refresh-outcome"] == "rotated")
    }

    @Test func `both cookies are needed, of one session`() {
        let (jar, other, stranger) = (world.jar(), world.jar(), world.jar("bob"))
        for cookies in [
            [jar.refresh], [jar.session], [jar.access], [jar.refresh, other.session], [jar.refresh, stranger.session],
            ["__Host-Http-martlet-session=x", jar.refresh], [jar.session, "__Secure-martlet-refresh=\"x\""],
            [jar.session, "__Secure-martlet-refresh=x"],
            [jar.session, jar.refresh.replacing("refresh=", with: "refresh=,")],
        ] {
            let answer = refresh(cookies)
            #expect(answer.status == 401 && answer.code == "refresh_invalid" && Jar(answer).isCleared, "\(cookies)")
        }
        let none = refresh(["foreign=1"])
        #expect(none.status == 401 && none.code == "refresh_invalid" && Jar(none).lines.isEmpty)
        #expect(refresh(jar.atRefresh).status == 200 && refresh(other.atRefresh).status == 200)
    }

    @Test func `an Authorization field decides alone: J3`() {
        let jar = world.jar()
        let ask = Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh).with("Authorization", "Bearer x")
        let answer = world.send(ask)
        #expect(answer.status >= 400 && Jar(answer).lines.isEmpty)
        #expect(refresh(jar.atRefresh)["refresh-outcome"] == "rotated")
    }

    @Test func `reuse after the grace time ends the session and clears the cookies`() {
        let jar = world.jar()
        let next = Jar(refresh(jar.atRefresh))
        world.clock.advance(11)
        let reused = refresh(jar.atRefresh)
        #expect(reused.status == 401 && reused.code == "refresh_reused" && Jar(reused).isCleared)
        let ended = refresh(next.atRefresh)
        #expect(ended.status == 401 && ended.code == "session_revoked" && Jar(ended).isCleared)
    }

    @Test func `only the end of the session clears the cookies`() throws {
        let jar = world.jar()
        let wide = world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh).json("{\"scope\":\"fly\"}"))
        #expect(wide.status == 400 && Jar(wide).lines.isEmpty)
        let foreign = world.send(Ask("POST", "/refresh").cookies(jar.atRefresh).with("Sec-Fetch-Site", "cross-site"))
        #expect(foreign.status == 403 && Jar(foreign).lines.isEmpty)
        try world.loseSigner()
        let unsigned = refresh(jar.atRefresh)
        #expect(unsigned.status == 503 && Jar(unsigned).lines.isEmpty)
    }

    @Test func `a full disk does not clear the cookies`() {
        let jar = world.jar()
        world.journal.breakDown()
        let answer = refresh(jar.atRefresh)
        #expect(answer.status == 503 && Jar(answer).lines.isEmpty)
    }

    @Test func `a token in the content decides, and its answer sets no cookie`() {
        let (jar, pair) = (world.jar(), world.pair())
        let ask = Ask("POST", "/refresh").json("{\"refresh_token\":\"\(pair.refresh)\"}")
        let answer = world.send(ask.cookies(jar.atRefresh).with("Sec-Fetch-Site", "cross-site"))
        #expect(answer.status == 200 && Jar(answer).lines.isEmpty && answer.string("session_id") == pair.sid)
        // Without a browser and without cookies, the missing member is the mistake.
        #expect(world.send(Ask("POST", "/refresh")).code == "request_malformed")
        #expect(world.send(Ask("POST", "/refresh").json("{}")).code == "request_malformed")
    }

    @Test func `without Origin and Sec-Fetch-Site, JSON is needed: K7`() {
        let jar = world.jar()
        #expect(world.send(Ask("POST", "/refresh").cookies(jar.atRefresh)).code == "csrf_failed")
        #expect(world.send(Ask("POST", "/refresh").cookies(jar.atRefresh).form("scope=read")).code == "csrf_failed")
        #expect(world.send(Ask("POST", "/refresh").cookies(jar.atRefresh).json("{}")).status == 200)
    }

    @Test func `a successor that would not fit into its cookie uses nothing up`() throws {
        let jar = world.jar()
        let users = world.authState.users.current
        try world.outgrowCookie(jar.value("access"))
        let refused = refresh(jar.atRefresh)
        #expect(refused.status == 500 && Jar(refused).lines.isEmpty)
        world.authState.users.replace(with: users)
        world.clock.advance(60)
        let answer = refresh(jar.atRefresh)
        #expect(answer.status == 200 && answer["refresh-outcome"] == "rotated")
    }

    @Test func `a late refresh of a session that a new sign-in replaced does not clear the new cookies`() {
        let jar = world.jar()
        let next = Jar(refresh(jar.atRefresh))
        let new = Jar(world.send(World.cookieLogin().cookies(next.atRoot)))
        // With the newest cookies, with those that were used up, and after the grace time.
        for (seconds, old) in [(Int64(0), next), (0, jar), (60, jar)] {
            world.clock.advance(seconds)
            let late = refresh(old.atRefresh)
            #expect(late.status == 401 && late.code == "session_replaced" && Jar(late).lines.isEmpty)
        }
        #expect(refresh(new.atRefresh).status == 200)
        // Other ends clear: no cookie of the session is of use again.
        let other = world.jar()
        #expect(world.send(Ask("POST", "/logout").sameOrigin.cookies(other.atRoot)).status == 204)
        let ended = refresh(other.atRefresh)
        #expect(ended.status == 401 && ended.code == "session_revoked" && Jar(ended).isCleared)
    }

    @Test func `the end of the first user's account does not matter to the second who signed in`() throws {
        let jar = world.jar()
        let new = Jar(world.send(World.cookieLogin("bob").cookies(jar.atRoot)))
        world.authState.users.apply(try world.authState.users.current.changing("alice") { $0.isDisabled = true })
        let late = refresh(jar.atRefresh)
        #expect(late.code == "session_replaced" && Jar(late).lines.isEmpty)
        #expect(refresh(new.atRefresh).status == 200)
    }

    @Test func `a late sign-out of a replaced session does not clear the new cookies`() {
        let jar = world.jar()
        let new = Jar(world.send(World.cookieLogin().cookies(jar.atRoot)))
        for cookies in [jar.atRoot, [jar.session], [jar.access]] {
            let late = world.send(Ask("POST", "/logout").sameOrigin.cookies(cookies))
            #expect(late.status == 204 && Jar(late).lines.isEmpty)
        }
        #expect(refresh(new.atRefresh).status == 200)
    }

    @Test func `a refresh token in the content never gets session_replaced`() {
        let jar = world.jar()
        _ = world.send(World.cookieLogin().cookies(jar.atRoot))
        #expect(world.refresh(jar.value("refresh")).code == "session_revoked")
        #expect(world.verify(jar.value("access")).code == "session_revoked")
    }
}
