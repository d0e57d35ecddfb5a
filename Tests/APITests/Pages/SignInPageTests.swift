import Accounts
import Foundation
import HTTP
import Pages
import Service
import Testing

@testable import API

@Suite("/signin")
struct SignInPageTests {
    let world: World

    init() throws { world = try World { $0.sessionList = SessionListSettings() } }

    private static let right: KeyValuePairs = ["username": "alice", "password": World.password, "remember": "true"]

    @Test func `GET shows a form, with the policy of the issue`() {
        let answer = world.send(World.page("/signin"))
        #expect(answer.status == 200 && answer.isPage && answer["content-language"] == "en")
        #expect(
            answer["content-security-policy"]
                == "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        )
        #expect(answer.text.contains("<form method=\"post\" action=\"/signin\" novalidate>"))
        #expect(answer.text.contains("name=\"device\"") && answer.text.contains("value=\"true\" checked>"))
        #expect(world.send(World.page("/signin").with("Accept-Language", "de-CH")).text.contains("<html lang=\"de\""))
    }

    @Test func `POST sets the cookies of a login and leads on`() {
        let answer = world.signIn(Self.right)
        #expect(answer.isSeeOther && answer["location"] == "/refresh?return=/&step=check")
        let jar = Jar(answer)
        #expect(jar.lines.count == 3 && world.verify(jar.value("access")).status == 200)
        #expect(jar.attributes("session").contains("Max-Age=1209600"))
        #expect(world.log.events("login_succeeded").count == 1)
        let session = Jar(world.signIn(["username": "alice", "password": World.password]))
        #expect(session.lines.count == 3 && !session.attributes("access").contains("Max-Age"))
    }

    @Test func `return is kept, checked again, and opens form-action for its origin`() {
        let get = world.send(World.page("/signin?return=https%3A%2F%2Fapp.example%2Fa%3Fb"))
        #expect(get.text.contains("name=\"return\" value=\"https://app.example/a?b\""))
        #expect(get["content-security-policy"]?.hasSuffix("form-action 'self' https://app.example") == true)
        let local = world.send(World.page("/signin?return=%2Fa"))
        #expect(local.text.contains("name=\"return\" value=\"/a\""))
        #expect(local["content-security-policy"]?.hasSuffix("form-action 'self'") == true)
        for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"] {
            let encoded = evil.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let page = world.send(World.page("/signin?return=\(encoded)"))
            #expect(page.status == 200 && !page.text.contains("name=\"return\"") && !page.text.contains("evil"))
            let answer = world.signIn(["username": "alice", "password": World.password, "return": evil])
            #expect(answer["location"] == "/refresh?return=/&step=check")
            #expect(!answer.fields.contains { $0.value.contains("evil") })
        }
        let to = world.signIn(["username": "alice", "password": World.password, "return": "https://app.example/a?b"])
        #expect(to["location"] == "/refresh?return=https%3A//app.example/a%3Fb&step=check")
        // Only a browser that keeps the cookies gets there.
        let check = World.navigation(to["location"] ?? "")
        #expect(world.send(check.cookies(Jar(to).atRefresh))["location"] == "https://app.example/a?b")
        #expect(world.send(check).status == 409)
    }

    static let rejected: [(pairs: [(String, String)], status: UInt16, field: String?, alert: PageText)] = [
        ([("username", ""), ("password", "x")], 422, "username", .usernameMissing),
        ([("username", String(repeating: "u", count: 129)), ("password", "x")], 422, "username", .usernameTooLong),
        ([("username", "alice")], 422, "password", .passwordMissing),
        (
            [("username", "alice"), ("password", String(repeating: "x", count: 1_025))], 422, "password",
            .passwordTooLong
        ),
        ([("username", "alice"), ("password", "wrong")], 401, "password", .credentialsInvalid),
        ([("username", "nobody"), ("password", "wrong")], 401, "password", .credentialsInvalid),
        (
            [("username", "alice"), ("password", World.password), ("device", "a\u{202e}b")], 422, "device",
            .deviceUnfit
        ),
    ]

    @Test(arguments: rejected.indices)
    func `a rejected form comes back with its reason`(_ index: Int) {
        let (pairs, status, field, alert) = Self.rejected[index]
        let form = (pairs + [("return", "/next"), ("remember", "true")]).map { pair in
            "\(pair.0)=\(pair.1.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
        }.joined(separator: "&")
        let answer = world.send(Ask("POST", "/signin").form(form).sameOrigin.from(World.near))
        #expect(answer.status == status && answer.isPage && answer.alert == PageTexts.english[alert])
        #expect(answer.text.contains("<title>Error: Sign in"))
        #expect(answer.text.contains("name=\"return\" value=\"/next\""))
        #expect(answer.text.contains("value=\"true\" checked>"))
        let typed = pairs.first { $0.0 == "username" }?.1 ?? ""
        #expect(answer.text.contains("spellcheck=\"false\" value=\"\(typed)\" required"))
        let password = pairs.first { $0.0 == "password" }?.1 ?? ""
        if password.count > 1 {
            #expect(!answer.text.contains(">\(password)<") && !answer.text.contains("\"\(password)\""))
        }
        if let field {
            #expect(
                answer.text.contains("aria-invalid=\"true\" autofocus>")
                    && answer.text.contains("id=\"\(field)-error\""))
        }
        #expect(Jar(answer).lines.isEmpty)
        for line in world.log.all { expectNoSecret(line) }
    }

    @Test func `too many attempts say how long to wait`() {
        for _ in 0..<3 { #expect(world.signIn(["username": "alice", "password": "wrong"]).status == 401) }
        let answer = world.signIn(Self.right)
        #expect(answer.status == 429 && answer.isPage)
        #expect(answer["retry-after"] == "30" && answer.alert?.hasSuffix("Seconds to wait: 30.") == true)
    }

    @Test func `a journal that fails is 503, and the form stays`() {
        world.journal.breakDown()
        let answer = world.signIn(Self.right)
        #expect(answer.status == 503 && answer.isPage && answer["retry-after"] == "5")
        #expect(answer.alert == PageTexts.english[.unavailable] && answer.text.contains("value=\"alice\""))
    }

    @Test func `the form must come from this service or a listed origin`() {
        let bare = Ask("POST", "/signin").form(Self.right).from(World.near)
        let requests = [
            bare, bare.with("Origin", "https://evil.example"), bare.with("Origin", "null"),
            bare.with("Sec-Fetch-Site", "cross-site"), bare.with("Sec-Fetch-Site", "same-site"),
            bare.with("Sec-Fetch-Site", "none"), bare.with("Origin", World.app).with("Origin", World.app),
        ]
        for request in requests {
            let answer = world.send(request)
            #expect(answer.status == 403 && answer.isPage && answer.alert == PageTexts.english[.formForeign])
            #expect(Jar(answer).lines.isEmpty && !answer.text.contains("alice"))
        }
        #expect(world.send(bare.with("Origin", World.app)).status == 303)
        #expect(world.send(bare.with("Origin", "null").sameOrigin).status == 303)
    }

    @Test func `content that is not one plain form is rejected by a page`() {
        func status(_ ask: Ask) -> UInt16 {
            let answer = world.send(ask.sameOrigin.from(World.near))
            #expect(answer.isPage && answer.text.contains("role=\"alert\""))
            return answer.status
        }
        let post = Ask("POST", "/signin")
        #expect(status(post.form("username=a&username=a")) == 400)
        #expect(status(post.form("username=%ff&password=x")) == 400)
        #expect(status(post.form("username=a&unknown=x")) == 400)
        #expect(status(post.form("username=a&remember=perhaps")) == 400)
        #expect(status(post.form("username=a&max_age=-1")) == 400)
        #expect(status(post.content("x", "multipart/form-data; boundary=x")) == 415)
        #expect(status(post.json("{}")) == 415)
        #expect(status(post.form("username=" + String(repeating: "x", count: 65_528))) == 413)
        #expect(status(Ask("POST", "/signin?return=/").form("")) == 400)
        #expect(status(Ask("GET", "/signin?other=1")) == 400)
        #expect(status(Ask("GET", "/signin?return=/&return=/")) == 400)
        #expect(status(Ask("GET", "/signin?max_age=x")) == 400)
        #expect(status(Ask("GET", "/signin?done=%3Cb%3E")) == 400)
        #expect(status(Ask("DELETE", "/signin")) == 405)
    }

    @Test func `a hostile name is shown as text`() {
        let name = "<script>alert(1)</script>\u{202e}\r\n" + String(repeating: "\"", count: 96)
        #expect(name.utf8.count <= 128)
        let answer = world.signIn(["username": name, "password": "wrong", "device": "<b>"])
        #expect(answer.status == 401 && answer.isPage && !answer.text.contains("<script"))
        #expect(answer.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;\u{202e}&#13;\n&quot;"))
        #expect(!world.log.all.contains { $0.contains("script") || $0.dropLast().contains("\n") })
    }

    @Test func `plain HTTP from elsewhere is told to use https`() {
        let answer = world.send(Ask("POST", "/signin").form(Self.right).sameOrigin)
        #expect(answer.status == 400 && answer.isPage && answer.alert == PageTexts.english[.notSecure])
        #expect(answer.text.contains("value=\"alice\""))
    }

    @Test func `a cookie that came twice is cleared`() {
        let jar = world.jar()
        for request in [World.page("/signin"), World.form("/signin", Self.right), World.page("/account")] {
            let answer = world.send(request.cookies(jar.atRoot + [jar.access]))
            #expect(answer.status == 400 && answer.isPage && Jar(answer).isAllCleared)
            #expect(answer.alert == PageTexts.english[.cookieTwice])
        }
    }

    @Test func `the session in hand is named, and a sign-in ends it first`() {
        let jar = world.jar()
        #expect(world.send(World.page("/signin", jar)).text.contains("signed in as <bdi><strong>alice</strong></bdi>"))
        #expect(world.signIn(["username": "bob", "password": World.password], jar).status == 303)
        #expect(world.verify(jar.value("access")).code == "session_revoked")
    }

    @Test func `max_age asks the same user for the password again`() {
        let jar = world.jar()
        world.clock.advance(700)
        let page = world.send(World.page("/signin?max_age=60&return=%2Fpay", jar))
        #expect(
            page.text.contains("value=\"alice\" required readonly")
                && page.text.contains("name=\"max_age\" value=\"60\""))
        #expect(page.text.contains(PageTexts.english[.passwordAgain]))
        let form: KeyValuePairs = ["username": "alice", "password": World.password, "max_age": "60", "return": "/pay"]
        let other = world.signIn(["username": "bob", "password": World.password, "max_age": "60"], jar)
        #expect(other.status == 422 && other.alert == PageTexts.english[.otherSession])
        #expect(other.text.contains("value=\"alice\" required readonly"))
        let wrong = world.signIn(["username": "alice", "password": "wrong", "max_age": "60"], jar)
        #expect(wrong.status == 401 && wrong.text.contains("readonly"))
        let answer = world.signIn(form, jar)
        #expect(answer.status == 303 && answer["location"] == "/refresh?return=/pay&step=check")
        #expect(world.send(World.page("/account", Jar(answer))).text.contains("alice"))
        #expect(!world.send(World.page("/signin?max_age=60")).text.contains("readonly"))
    }

    @Test func `without browser mode there are no pages`() throws {
        let world = try World(browser: nil)
        for path in ["/signin", "/signout", "/account", "/.well-known/change-password", "/pages/x.css"] {
            #expect(world.send(World.page(path)).code == "not_found")
        }
        #expect(world.send(Ask("POST", "/signin").form(Self.right).sameOrigin).code == "not_found")
    }
}
