import Foundation
import HTTP
import Pages
import Service
import Testing

@testable import API

@Suite("/account and /signout")
struct AccountPageTests {
    let world: World

    init() throws { world = try World { $0.sessionList = SessionListSettings() } }

    private func act(_ pairs: KeyValuePairs<String, String>, _ jar: Jar?) -> Answer {
        world.send(World.form("/account", pairs, jar))
    }

    private func change(_ current: String, _ new: String, again: String? = nil, _ jar: Jar) -> Answer {
        act(
            [
                "action": "password", "current_password": current, "new_password": new,
                "new_password_again": again ?? new,
            ], jar)
    }

    @Test func `shows the user, this session and the others`() {
        let (phone, jar) = (world.jar("alice", ",\"device\":\"Ana's <phone>\""), world.jar())
        let page = world.send(World.page("/account", jar))
        #expect(page.status == 200 && page.isPage && page.text.contains("<strong>alice</strong>"))
        #expect(page.text.contains("<bdi>Ana&#39;s &lt;phone&gt;</bdi>") && page.text.contains("<bdi>127.0.0.1</bdi>"))
        #expect(page.text.matches(of: /name="session" value="/).count == 1)
        #expect(page.text.contains(sid(phone)) && !page.text.contains(sid(jar)))
        #expect(page.text.contains("2027-01-15 08:00 UTC"))
    }

    private func sid(_ jar: Jar) -> String { String(jar.value("session").prefix(36)) }

    @Test func `ends one session, the others, and all`() {
        let (one, two, jar) = (world.jar(), world.jar(), world.jar())
        let ended = act(["action": "end", "session": sid(one)], jar)
        #expect(ended.isSeeOther && ended["location"] == "/account?done=session_ended")
        #expect(world.verify(one.value("access")).code == "session_revoked")
        #expect(world.verify(two.value("access")).status == 200)
        #expect(act(["action": "end", "session": sid(one)], jar)["location"] == "/account?done=session_unknown")
        let others = act(["action": "others"], jar)
        #expect(others.isSeeOther && others["location"] == "/account?done=others_ended")
        #expect(world.verify(two.value("access")).status == 401 && world.verify(jar.value("access")).status == 200)
        let all = act(["action": "all"], jar)
        #expect(all.isSeeOther && all["location"] == "/signin?done=signed_out" && Jar(all).isCleared)
        #expect(world.verify(jar.value("access")).status == 401)
    }

    @Test func `reports what was done only on the page that it led to`() {
        #expect(Set(PageNotice.ofSignIn + PageNotice.ofAccount) == Set(PageNotice.allCases))
        let jar = world.jar()
        for (path, notices, jar) in [("/signin", PageNotice.ofSignIn, nil), ("/account", PageNotice.ofAccount, jar)] {
            for notice in PageNotice.allCases {
                func page(from site: String) -> Answer {
                    world.send(World.page("\(path)?done=\(notice.rawValue)", jar, site: site))
                }
                guard notices.contains(notice) else {
                    #expect(page(from: "same-origin").status == 400, "\(notice) at \(path)")
                    continue
                }
                let said = "role=\"status\">\(PageTexts.english[notice.text])</p>"
                #expect(page(from: "same-origin").text.contains(said))
                // A link of another site, and an address that was typed or comes from the history.
                for site in ["cross-site", "same-site", "none", "x"] {
                    let text = page(from: site).text
                    #expect(!text.contains("role=\"status\"") && text.contains("<main>"), "\(site)")
                }
            }
        }
        // Another tab has signed in since.
        let signedIn = world.send(World.page("/signin?done=signed_out", jar, site: "same-origin"))
        #expect(!signedIn.text.contains("role=\"status\"") && signedIn.text.contains("<strong>alice</strong>"))
    }

    @Test func `a session of another user is unknown`() {
        let (bob, jar) = (world.jar("bob"), world.jar())
        #expect(act(["action": "end", "session": sid(bob)], jar)["location"] == "/account?done=session_unknown")
        #expect(world.verify(bob.value("access")).status == 200)
        #expect(act(["action": "end", "session": "x"], jar).status == 400)
        #expect(act(["action": "end"], jar).status == 400 && act(["action": "erase"], jar).status == 400)
    }

    @Test func `without a list, there is still this session and the end of the others`() throws {
        let world = try World()
        let jar = world.jar()
        let page = world.send(World.page("/account", jar)).text
        #expect(page.contains("2027-01-15 08:00 UTC") && !page.contains("127.0.0.1"))
        #expect(page.contains("value=\"others\"") && !page.contains("value=\"end\""))
        #expect(world.send(World.form("/account", ["action": "end", "session": sid(jar)], jar)).status == 404)
        #expect(world.send(World.form("/account", ["action": "others"], jar)).status == 303)
    }

    @Test func `changes the password, keeps this session and ends the others`() {
        let (other, jar) = (world.jar(), world.jar())
        let answer = change(World.password, "battery staple", jar)
        #expect(answer.isSeeOther && answer["location"] == "/account?done=password_changed")
        #expect(world.verify(other.value("access")).status == 401 && world.verify(jar.value("access")).status == 200)
        #expect(world.signIn(["username": "alice", "password": World.password]).status == 401)
        #expect(world.signIn(["username": "alice", "password": "battery staple"]).status == 303)
    }

    @Test func `a rejected change says which field is wrong`() {
        let jar = world.jar()
        func expect(_ answer: Answer, _ status: UInt16, _ field: String, _ text: PageText) {
            #expect(answer.status == status && answer.isPage)
            #expect(answer.alert == PageTexts.english.text(text, 8))
            #expect(answer.text.contains("id=\"\(field)-error\"") && answer.text.matches(of: /autofocus/).count == 1)
            #expect(!answer.text.contains(World.password) && answer.text.contains("<strong>alice</strong>"))
        }
        expect(change("", "battery staple", jar), 422, "current_password", .passwordMissing)
        expect(change(World.password, "", jar), 422, "new_password", .passwordMissing)
        expect(change(World.password, "battery", again: "staple", jar), 422, "new_password_again", .passwordsDiffer)
        expect(change(String(repeating: "x", count: 1_025), "battery", jar), 422, "current_password", .passwordTooLong)
        expect(change("wrong", "battery staple", jar), 401, "current_password", .passwordWrong)
        expect(change(World.password, "short", jar), 422, "new_password", .passwordTooShort)
        expect(change(World.password, World.password, jar), 422, "new_password", .passwordUnchanged)
        for line in world.log.all { expectNoSecret(line) }
    }

    @Test func `the form of the password names its user, and no other`() {
        let jar = world.jar()
        let page = world.send(World.page("/account", jar)).text
        let input =
            "<input type=\"text\" name=\"username\" value=\"alice\" autocomplete=\"username\" readonly hidden>"
        #expect(page.contains("value=\"password\">\(input)<div"))
        let form: KeyValuePairs = [
            "action": "password", "username": "bob", "current_password": World.password,
            "new_password": "battery staple", "new_password_again": "battery staple",
        ]
        let answer = act(form, jar)
        #expect(answer.status == 422 && answer.alert == PageTexts.english[.otherSession])
        #expect(world.signIn(["username": "alice", "password": World.password]).status == 303)
        let own: KeyValuePairs = [
            "action": "password", "username": "alice", "current_password": World.password,
            "new_password": "battery staple", "new_password_again": "battery staple",
        ]
        #expect(act(own, jar).isSeeOther)
    }

    @Test func `too many wrong passwords are 429 with the seconds`() {
        let jar = world.jar()
        for _ in 0..<3 { #expect(change("wrong", "battery staple", jar).status == 401) }
        let answer = change(World.password, "battery staple", jar)
        #expect(answer.status == 429 && answer["retry-after"] == "30" && answer.alert?.contains("30") == true)
    }

    @Test func `a journal that fails is a page with 503, and the cookies stay`() {
        let (jar, other) = (world.jar(), world.jar("bob"))
        world.journal.breakDown()
        for action in ["others", "all"] {
            let answer = act(["action": action], jar)
            #expect(answer.status == 503 && answer.isPage && Jar(answer).lines.isEmpty)
        }
        let out = world.send(World.form("/signout", [:], jar))
        #expect(out.status == 503 && out.isPage && Jar(out).lines.isEmpty)
        let changed = change(World.password, "battery staple", other)
        #expect(changed.status == 503 && changed.isPage && changed.alert == PageTexts.english[.unavailable])
    }

    @Test func `without a living access token the browser is sent on`() {
        let jar = world.jar()
        #expect(world.send(World.page("/account"))["location"] == "/signin?return=/account")
        #expect(act(["action": "all"], nil)["location"] == "/signin?return=/account")
        let link = Ask("GET", "/account").with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", "navigate")
        #expect(world.send(link)["location"] == "/refresh?return=/account")
        let session = World.page("/account").cookies([jar.session])
        #expect(world.send(session)["location"] == "/refresh?return=/account")
        world.clock.advance(600)
        #expect(world.send(World.page("/account", jar))["location"] == "/refresh?return=/account")
        let late = act(["action": "others"], jar)
        #expect(late.status == 303 && late["location"] == "/refresh?return=/account%3Fdone%3Dagain")
    }

    @Test func `a valid token without a session leads to the sign-in and not in a circle`() throws {
        let jar = world.jar()
        try world.replaceRobot { _ in }
        let form = Ask("POST", "/token").form("grant_type=client_credentials")
        let answer = world.send(form.basic("robot", World.encoded(World.secret)))
        let token = try #require(answer.string("access_token"))
        let pair = "__Host-Http-martlet-access=\(token)"
        #expect(world.verify(token).status == 200)
        #expect(
            world.send(World.page("/account").cookies([pair, jar.session]))["location"] == "/signin?return=/account")
    }

    @Test func `forms of other sites do nothing`() {
        let jar = world.jar()
        for (path, form) in [("/account", "action=all"), ("/signout", "")] {
            let bare = Ask("POST", path).form(form).from(World.near).cookies(jar.atRoot)
            for ask in [
                bare, bare.with("Origin", "https://evil.example"), bare.with("Sec-Fetch-Site", "same-site"),
                bare.with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", "navigate"),
            ] {
                let answer = world.send(ask)
                #expect(answer.status == 403 && answer.isPage && Jar(answer).lines.isEmpty)
            }
        }
        #expect(world.verify(jar.value("access")).status == 200)
    }

    @Test func `sign-out asks, and does it also when the token has expired`() {
        let jar = world.jar()
        let page = world.send(World.page("/signout", jar))
        #expect(page.status == 200 && page.isPage && page.text.contains("action=\"/signout\""))
        #expect(page.text.contains("<strong>alice</strong>") && world.verify(jar.value("access")).status == 200)
        world.clock.advance(700)
        let answer = world.send(World.form("/signout", [:], jar))
        #expect(answer.isSeeOther && answer["location"] == "/signin?done=signed_out" && Jar(answer).isCleared)
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)).code == "session_revoked")
        let again = world.send(World.form("/signout", [:]))
        #expect(again.isSeeOther && Jar(again).isCleared)
        #expect(world.send(World.page("/signout")).text.contains(PageTexts.english[.signedOut]))
    }

    @Test func `the well-known address leads to the account`() {
        let answer = world.send(World.page("/.well-known/change-password"))
        #expect(answer.isSeeOther && answer["location"] == "/account")
    }

    @Test func `a style sheet is cached by its name`() throws {
        let page = world.send(World.page("/signin")).text
        let paths = page.matches(of: /href="(\/pages\/[^"]*)"/).map { String($0.output.1) }
        #expect(paths.count == 2)
        for path in paths {
            let answer = world.send(Ask("GET", path))
            #expect(answer.status == 200 && answer["content-type"] == "text/css; charset=utf-8" && !answer.body.isEmpty)
            #expect(answer["cache-control"] == "public, max-age=31536000, immutable")
            let same = world.send(Ask("GET", path).with("If-None-Match", try #require(answer["etag"])))
            #expect(same.status == 304 && same.body.isEmpty)
        }
        #expect(world.send(Ask("GET", "/pages/layout-0.css"))["cache-control"] == "no-cache")
        let missing = world.send(Ask("GET", "/pages/other.css"))
        #expect(missing.status == 404 && missing.isPage)
    }

    @Test func `below a public path, every address carries it`() throws {
        let world = try World(
            browser: World.browser {
                $0.publicPath = "/martlet"
                $0.pages = PageSite(publicPath: "/martlet")
            })
        let jar = world.jar()
        for path in ["/signin", "/signout", "/account"] {
            let page = world.send(World.page(path, jar)).text
            let addresses = page.matches(of: /(?:href|action)="([^"]*)"/).map { String($0.output.1) }
            #expect(addresses.count >= 3 && addresses.allSatisfy { $0.hasPrefix("/martlet/") })
        }
        #expect(world.send(World.page("/account"))["location"] == "/martlet/signin?return=/martlet/account")
        #expect(world.send(World.page("/.well-known/change-password"))["location"] == "/martlet/account")
        let out = world.send(World.form("/signout", [:], jar))
        #expect(out["location"] == "/martlet/signin?done=signed_out")
    }
}
