import API
import Foundation
import HTTP
import Testing

@Suite("GET /refresh")
struct RefreshVisitTests {
    let world: World

    init() throws { world = try World() }

    private static let navigation = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]

    private static func visit(
        _ query: String = "return=/page", site: String = "same-origin", _ path: String = "/refresh"
    )
        -> Ask
    {
        navigation.reduce(Ask("GET", "\(path)?\(query)").with("Sec-Fetch-Site", site)) { $0.with($1.0, $1.1) }
    }

    private func visit(_ cookies: [String], _ query: String = "return=/page", site: String = "same-origin") -> Answer {
        world.send(Self.visit(query, site: site).cookies(cookies))
    }

    private func isPage(_ answer: Answer) -> Bool {
        answer["content-type"] == "text/html; charset=utf-8" && answer["cache-control"] == "no-store"
            && answer["content-security-policy"]?.hasPrefix("default-src 'none'; style-src 'self'; ") == true
            && answer.fields.contains { $0.name.lowercased() == "vary" && $0.value == "Accept-Language" }
    }

    /// A session whose access token has expired, as a browser keeps it.
    private func expired(_ members: String = "") -> Jar {
        let jar = world.jar("alice", members)
        world.clock.advance(601)
        return jar
    }

    @Test func `a navigation gets new cookies and goes on to its page`() {
        let jar = expired()
        let answer = visit([jar.session, jar.refresh], "return=/page%3Fa%3Db")
        #expect(answer.status == 303 && answer["location"] == "/page?a=b" && answer.body.isEmpty)
        #expect(answer["cache-control"] == "no-store" && answer["refresh-outcome"] == "rotated")
        let next = Jar(answer)
        #expect(next.lines.count == 3 && world.verify(next.value("access")).status == 200)
        #expect(next.attributes("refresh") == jar.attributes("refresh"))
        let brief = expired(",\"remember\":false")
        let kept = Jar(visit([brief.session, brief.refresh]))
        #expect(kept.lines.count == 3 && kept.lines.allSatisfy { !$0.contains("Max-Age") })
    }

    @Test(arguments: ["", "return=", "return=//evil.example", "return=/a&return=/b", "return=https://evil.example/"])
    func `any other address is ignored`(_ query: String) {
        let jar = expired()
        #expect(visit([jar.session, jar.refresh], query)["location"] == "/")
        #expect(visit([], query)["location"] == "/signin?return=/")
    }

    @Test(arguments: ["x=1", "return=/&x", "step=", "step=x", "step=check&step=check", "return=%zz"])
    func `a parameter that is not known is a mistake`(_ query: String) {
        let jar = expired()
        let answer = visit(jar.atRefresh, query)
        #expect(answer.status == 400 && isPage(answer) && Jar(answer).lines.isEmpty)
    }

    @Test(arguments: [
        [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")],
        [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "embed")], [("Sec-Fetch-Mode", "navigate")],
        [("Sec-Fetch-Dest", "document")], [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
        [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")],
        [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Accept", "text/html")],
        navigation + [("Sec-Purpose", "prefetch")], navigation + [("Sec-Purpose", "prefetch;prerender")],
        navigation + [("Purpose", "prefetch")], navigation + [("X-Moz", "prefetch")],
        navigation + [("Sec-Fetch-Mode", "navigate")], navigation + [("Sec-Fetch-Dest", "document")],
    ])
    func `only a navigation rotates`(_ fields: [(String, String)]) {
        let jar = expired()
        for site in ["same-origin", "cross-site"] {
            let ask = Ask("GET", "/refresh?return=/page").with("Sec-Fetch-Site", site).cookies(jar.atRefresh)
            let answer = world.send(fields.reduce(ask) { $0.with($1.0, $1.1) })
            #expect(answer.status == 403 && answer.code == "csrf_failed" && Jar(answer).lines.isEmpty)
        }
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh))["refresh-outcome"] == "rotated")
    }

    @Test func `HEAD and clients that are no browsers rotate nothing`() {
        let jar = expired()
        let head = Self.navigation.reduce(Ask("HEAD", "/refresh").sameOrigin.cookies(jar.atRefresh)) {
            $0.with($1.0, $1.1)
        }
        #expect(world.send(head).code == "csrf_failed")
        for accept in ["*/*", "image/webp,*/*", "application/json", "text/htmlx", "text/plain;q=text/html"] {
            #expect(
                world.send(Ask("GET", "/refresh").with("Accept", accept).cookies(jar.atRefresh)).code == "csrf_failed")
        }
        // An old browser sends no Sec-Fetch fields.
        let old = Ask("GET", "/refresh?return=/page").with("Accept", "text/html,application/xhtml+xml;q=0.9")
        let foreign = world.send(old.with("Origin", "https://evil.example").cookies(jar.atRefresh))
        #expect(foreign.code == "origin_not_allowed" && Jar(foreign).lines.isEmpty)
        #expect(world.send(old.cookies(jar.atRefresh))["location"] == "/page")
    }

    @Test func `a cookie that came twice is cleared, and a page says so in the language of the reader`() {
        let jar = expired()
        let ask = Self.visit().cookies(jar.atRefresh + [jar.session]).with("Accept-Language", "de")
        let answer = world.send(ask)
        #expect(answer.status == 400 && isPage(answer) && Jar(answer).isAllCleared)
        #expect(answer.text.contains("<html lang=\"de\""))
    }

    @Test func `an Authorization field is a mistake`() {
        let answer = world.send(Self.visit().cookies(expired().atRefresh).bearer("x"))
        #expect(answer.status == 400 && isPage(answer))
    }

    @Test func `a link from another site leads here once more, with the Strict cookie`() {
        let jar = expired()
        for site in ["cross-site", "x"] {
            let answer = visit([jar.session], "return=/page%3Fa=%27%26b", site: site)
            #expect(answer.status == 200 && Jar(answer).lines.isEmpty && answer["cache-control"] == "no-store")
            #expect(answer["content-type"] == "text/html; charset=utf-8")
            #expect(answer["content-security-policy"]?.hasPrefix("default-src 'none'; ") == true)
            let instant = "content=\"0; url=/refresh?return=/page%3Fa%3D%27%26b&amp;step=bounced\""
            #expect(answer.text.contains(instant), "\(answer.text)")
        }
        let second = visit([jar.session, jar.refresh], "return=/page&step=bounced")
        #expect(second.status == 303 && second["location"] == "/page")
        #expect(
            visit([jar.session], "return=/page&step=bounced", site: "cross-site")["location"] == "/signin?return=/page")
    }

    /// With SameSite=Strict, the access cookie is left out as well, and may be valid for long.
    @Test func `a link from another site goes on although the session needs no refresh`() {
        let jar = world.jar()
        for seconds: Int64 in [0, 61, 400] {
            world.clock.advance(seconds)
            #expect(visit([], site: "cross-site").text.contains("step=bounced"))
            let second = visit(jar.atRefresh, "return=/page&step=bounced")
            #expect(second.status == 303 && second["location"] == "/page" && Jar(second).lines.isEmpty)
        }
        #expect(world.log.events("refresh_needless").isEmpty)
    }

    @Test func `without a living session it goes on to the sign-in`() {
        let jar = expired()
        #expect(visit([])["location"] == "/signin?return=/page")
        #expect(visit([], site: "none")["location"] == "/signin?return=/page")
        // The session cookie alone still says which session the next login ends.
        let lone = visit([jar.session])
        #expect(lone.status == 303 && lone["location"] == "/signin?return=/page" && Jar(lone).lines.isEmpty)
        #expect(world.order("{\"sid\":\"\(jar.value("session").prefix(36))\"}").status == 200)
        let ended = visit([jar.session, jar.refresh])
        #expect(ended.status == 303 && ended["location"] == "/signin?return=/page" && Jar(ended).isCleared)
        #expect(ended["content-type"] == nil && ended.body.isEmpty && ended["www-authenticate"] == nil)
        #expect(world.log.events("request_refused").last?["code"] as? String == "session_revoked")
    }

    @Test func `a valid session is not refreshed, and a surprising visit ends on a page`() {
        let jar = world.jar()
        let answer = visit(jar.atRefresh)
        #expect(answer.status == 303 && answer["location"] == "/page" && Jar(answer).lines.isEmpty)
        #expect(world.log.events("refresh_needless").isEmpty)
        world.clock.advance(61)
        let late = visit(jar.atRefresh, "return=/page?%27")
        #expect(late.status == 200 && late.text.contains("<a href=\"/page?&#39;\">") && Jar(late).lines.isEmpty)
        #expect(!late.text.contains("http-equiv") && world.log.events("refresh_needless").count == 1)
        #expect(visit(jar.atRefresh, "return=/page&step=check")["location"] == "/page")
    }

    @Test func `a gateway that drops the new cookies gets a bounded number of redirects`() {
        let jar = world.jar()
        for _ in 0..<5 { #expect(visit(jar.atRefresh)["location"] == "/page") }
        let answer = visit(jar.atRefresh)
        #expect(answer.status == 200 && isPage(answer) && answer.text.contains("<a href=\"/page\">Continue</a>"))
        #expect(answer.text.contains("<h1>You are signed in</h1>"))
        #expect(world.log.events("refresh_needless").count == 1)
        // Other pages, other sessions, and the way from the sign-in are not affected.
        #expect(visit(jar.atRefresh, "return=/other")["location"] == "/other")
        #expect(visit(world.jar().atRefresh)["location"] == "/page")
        #expect(visit(jar.atRefresh, "return=/page&step=check")["location"] == "/page")
        // One of those may have made it forget the count, and then it begins anew.
        #expect((0...5).contains { _ in visit(jar.atRefresh).status == 200 })
    }

    @Test func `its pages are in the reader's language`() {
        func page(_ cookies: [String], _ query: String, site: String = "same-origin") -> Answer {
            world.send(Self.visit(query, site: site).cookies(cookies).with("Accept-Language", "de-AT"))
        }
        let (jar, late) = (expired(), world.jar())
        world.clock.advance(61)
        for (answer, title) in [
            (page([jar.session], "return=/page", site: "cross-site"), "Einen Augenblick"),
            (page([], "return=/page&step=check"), "Sie sind nicht angemeldet"),
            (page(late.atRefresh, "return=/page"), "Sie sind angemeldet"),
        ] {
            #expect(isPage(answer) && answer["content-language"] == "de" && answer.text.contains("<h1>\(title)</h1>"))
        }
    }

    @Test func `a browser that does not keep the new cookies is told so`() {
        let jar = expired()
        let old = [jar.session, jar.refresh]
        #expect(visit(old)["location"] == "/page")
        // It comes back from the gateway with the old ones.
        let again = visit(old)
        #expect(again.status == 303 && again["location"] == "/refresh?return=/page&step=check")
        #expect(again["refresh-outcome"] == "replayed" && Jar(again).lines.count == 3)
        let told = visit(old, "return=/page&step=check")
        #expect(told.status == 409 && told.text.contains("cookies") && Jar(told).lines.isEmpty)
        #expect(told.text.contains("<a href=\"/signin?return=/page\">") && told["cache-control"] == "no-store")
        // Another tab that was late has its cookies.
        #expect(visit(Jar(again).atRefresh, "return=/page&step=check")["location"] == "/page")
    }

    @Test func `a browser that keeps only some of them is told so`() {
        let jar = expired()
        let next = Jar(visit([jar.session, jar.refresh]))
        let again = visit([next.session, next.refresh])
        #expect(again["location"] == "/refresh?return=/page&step=check")
        #expect(visit([next.session, next.refresh], "return=/page&step=check").status == 409)
    }

    @Test func `a session that a new sign-in has replaced goes on with the newer cookies`() {
        let jar = expired()
        let next = Jar(world.send(World.cookieLogin().cookies(jar.atRefresh)))
        let late = visit([jar.session, jar.refresh])
        #expect(late["location"] == "/refresh?return=/page&step=check" && Jar(late).lines.isEmpty)
        #expect(visit(next.atRefresh, "return=/page&step=check")["location"] == "/page")
    }

    @Test func `a fault of ours ends no session`() throws {
        let jar = expired()
        world.journal.breakDown()
        let answer = visit([jar.session, jar.refresh])
        #expect(answer.status == 503 && Jar(answer).lines.isEmpty && isPage(answer))
    }

    @Test func `the public path leads the addresses`() throws {
        let world = try World(browser: World.browser { $0.publicPath = "/martlet" })
        let bounced = world.send(Self.visit(site: "cross-site"))
        #expect(bounced.text.contains("url=/martlet/refresh?return=/page&amp;step=bounced"))
        #expect(world.send(Self.visit())["location"] == "/martlet/signin?return=/page")
    }

    @Test func `without browser mode there is no GET`() throws {
        let world = try World(browser: nil)
        let answer = world.send(Self.visit())
        #expect(answer.status == 405 && answer["allow"] == "POST, OPTIONS")
        #expect(world.send(Ask("OPTIONS", "/refresh"))["allow"] == "POST, OPTIONS")
        #expect(world.send(Ask("HEAD", "/refresh")).status == 405)
    }
}
