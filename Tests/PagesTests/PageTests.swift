import Pages
import Platform
import Testing

@testable import Pages

@Suite("The pages")
struct PageTests {
    static let evil = "<script>alert(1)</script>\"'&\r\n\u{202e}\u{0}"
    let site = PageSite(name: "House <b>", publicPath: "/martlet")

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `say language, direction, name and style`() {
        let page = text(SignInPage().html(site, .german))
        #expect(page.hasPrefix("<!doctype html>\n<html lang=\"de\" dir=\"ltr\"><head><meta charset=\"utf-8\">"))
        #expect(page.contains("<title>Anmelden – House &lt;b&gt;</title>"))
        #expect(page.contains("<p class=\"site\">House &lt;b&gt;</p>") && page.contains("<h1>Anmelden</h1>"))
        for sheet in site.sheets {
            #expect(page.contains("<link rel=\"stylesheet\" href=\"/martlet/pages/\(sheet.name)\">"))
        }
        let arabic = PageTexts(tag: "ar", direction: .rightToLeft, [:])
        #expect(text(SignOutPage().html(site, arabic)).contains("<html lang=\"ar\" dir=\"rtl\">"))
    }

    @Test func `a finished page for signing in is the same as one written for its request`() throws {
        let languages = try PageTextsFile.languages(Array(#"{"ar":{"dir":"rtl","sign_in":"دخول"}}"#.utf8))
        let site = PageSite(name: "House <b>", publicPath: "/martlet", languages: languages)
        let finished = FinishedSignInPages(site)
        for (index, texts) in languages.all.enumerated() {
            for state in 0..<8 {
                var page = SignInPage()
                (page.isKept, page.asksForDevice) = (state & 1 == 1, state & 2 == 2)
                if state & 4 == 4 { page.returnAddress = "/a?b=\"<'&" }
                #expect(finished.html(page, language: index) == page.html(site, texts))
                page.username = "amy"
                #expect(finished.html(page, language: index) == nil)
            }
        }
        #expect(finished.html(SignInPage(), language: 3) == nil)
    }

    @Test func `a page on the way loads the next address at once, or leads there by a link`() {
        let next = PagePath(checked: "/refresh?return=/a&step=\"x")
        let renewal = text(RefreshPage(.renewal, next: next).html(site, .english))
        let address = "/refresh?return=/a&amp;step=&quot;x"
        #expect(renewal.contains("<meta http-equiv=\"refresh\" content=\"0; url=\(address)\"></head>"))
        for (reason, title) in [
            (RefreshPage.Reason.cookiesNotKept, "You are not signed in"), (.needless, "You are signed in"),
        ] {
            let page = text(RefreshPage(reason, next: next).html(site, .english))
            #expect(!page.contains("http-equiv") && page.contains("<a href=\"\(address)\">"))
            #expect(page.contains("<h1>\(title)</h1>"))
        }
    }

    @Test func `nothing that a client chose breaks out of its place`() {
        var signIn = SignInPage()
        (signIn.username, signIn.device, signIn.returnAddress) = (Self.evil, Self.evil, Self.evil)
        (signIn.signedInAs, signIn.asksForDevice) = (Self.evil, true)
        var account = AccountPage(username: Self.evil)
        let session = AccountPage.Session(id: Self.evil, device: Self.evil, address: Self.evil, beganAt: 0, usedAt: 0)
        (account.current, account.others) = (session, [session])
        var signOut = SignOutPage()
        signOut.username = Self.evil
        let texts = PageTexts.english.replacing([.signInTitle: Self.evil, .signIn: Self.evil], direction: nil)
        for page in [signIn.html(site, texts), account.html(site, texts), signOut.html(site, texts)].map(text) {
            #expect(page.contains("&lt;script&gt;") && !page.contains("<script") && !page.contains("\u{0}"))
            #expect(!page.contains("\r") && !page.contains("alert(1)</script>"))
        }
    }

    @Test func `a name is isolated, so that its direction ends with it`() {
        var page = SignOutPage()
        page.username = "\u{202e}amy"
        #expect(text(page.html(site, .english)).contains("as <bdi><strong>\u{202e}amy</strong></bdi>."))
    }

    @Test func `a text that a language lacks is marked as English`() {
        let arabic = PageTexts(tag: "ar", direction: .rightToLeft, [.signIn: "دخول"])
        var page = SignInPage()
        page.refusal = PageRefusal(.password, .tooManyAttempts, 3)
        let html = text(page.html(site, arabic))
        #expect(html.contains("<h1 lang=\"en\" dir=\"ltr\">Sign in</h1>") && html.contains("submit\">دخول</button>"))
        #expect(html.contains("<label for=\"username\" lang=\"en\" dir=\"ltr\">User name</label>"))
        #expect(html.contains("<p class=\"error\" lang=\"en\" dir=\"ltr\">There were"))
        let lacking = html.matches(of: /lang="en"/).count
        #expect(lacking == 6)
        #expect(!text(page.html(site, .german)).contains("lang=\"en\""))
    }

    @Test func `a refusal is announced, described and has the focus`() {
        var page = SignInPage()
        page.username = "amy"
        page.refusal = PageRefusal(.password, .tooManyAttempts, 30)
        let html = text(page.html(site, .english))
        #expect(html.contains("<title>Error: Sign in"))
        #expect(html.contains("aria-describedby=\"password-error\" aria-invalid=\"true\" autofocus>"))
        let error =
            "<div id=\"password-error\" role=\"alert\"><p class=\"error\">There were too many failed attempts. "
            + "Seconds to wait: 30.</p></div>"
        #expect(html.contains(error) && html.contains("value=\"amy\" required>"))
        #expect(html.matches(of: /autofocus/).count == 1 && html.matches(of: /role="alert"/).count == 1)
        page.refusal = PageRefusal(nil, .unavailable)
        let whole = text(page.html(site, .english))
        #expect(
            whole.contains("<p class=\"message error\" role=\"alert\" tabindex=\"-1\" autofocus>This does not work"))
        #expect(whole.matches(of: /autofocus/).count == 1)
    }

    @Test func `the focus is on what is empty`() {
        #expect(
            text(SignInPage().html(site, .english)).contains("name=\"username\" autocomplete=\"username\" dir=\"auto\"")
        )
        var page = SignInPage()
        #expect(text(page.html(site, .english)).firstMatch(of: /<input[^>]*username[^>]*autofocus>/) != nil)
        (page.username, page.isNameFixed, page.ageMax, page.returnAddress) = ("amy", true, 60, "/a?b")
        let html = text(page.html(site, .english))
        #expect(html.firstMatch(of: /<input[^>]*"password"[^>]*autofocus>/) != nil)
        #expect(html.contains("required readonly>") && html.contains("name=\"max_age\" value=\"60\""))
        #expect(html.contains("href=\"/martlet/signin?return=/a%3Fb\""))
    }

    @Test func `no page repeats a password`() {
        var page = AccountPage(username: "amy")
        page.passwordCharacterCountMin = 8
        page.refusal = PageRefusal(.newPassword, [PageMessage(.passwordTooShort, 8), PageMessage(.passwordIsName)])
        let html = text(page.html(site, .english))
        for input in html.matches(of: /<input type="password"[^>]*>/) { #expect(!input.output.contains("value")) }
        #expect(html.matches(of: /<input type="password"/).count == 3)
        #expect(
            html.contains("aria-describedby=\"new_password-error new_password-hint\" aria-invalid=\"true\" autofocus>"))
        page.passwordCharacterCountMin = nil
        #expect(!text(page.html(site, .english)).contains("type=\"password\""))
    }

    @Test func `sessions are listed with a button each, at most a hundred`() {
        var page = AccountPage(username: "amy")
        let session = AccountPage.Session(
            id: "019a", device: nil, address: "192.0.2.1", beganAt: 1_800_000_000_000, usedAt: 1_800_000_060_000)
        page.others = Array(repeating: session, count: 103)
        let html = text(page.html(site, .english))
        #expect(html.matches(of: /name="session" value="019a"/).count == 100)
        #expect(html.contains("Older sessions that are not shown: 3."))
        #expect(html.contains("aria-label=\"End session: Unknown, 2027-01-15 08:00 UTC\">End session</button>"))
        #expect(html.contains("<time datetime=\"2027-01-15T08:01:00.000Z\" dir=\"ltr\">2027-01-15 08:01 UTC</time>"))
        page.others = []
        let empty = text(page.html(site, .english))
        #expect(empty.contains("You have no other sessions.") && !empty.contains("value=\"others\""))
        page.others = nil
        let unlisted = text(page.html(site, .english))
        #expect(unlisted.contains("value=\"others\"") && unlisted.contains("value=\"all\""))
    }
}

@Suite("Style sheets")
struct StyleSheetTests {
    @Test func `are named by their content and follow each other`() {
        let house = Array("p{}".utf8)
        #expect(PageSite().sheets.map { $0.name.prefix { $0 != "-" } } == ["layout", "theme"])
        #expect(PageSite(style: house).sheets.map { $0.name.prefix { $0 != "-" } } == ["layout", "theme", "house"])
        #expect(PageSite(style: house, replacesStyle: true).sheets.map(\.content) == [house])
        #expect(PageSite(replacesStyle: true).sheets.count == 2)
        let (one, other) = (PageSite(style: house).sheets[2], PageSite(style: Array("q{}".utf8)).sheets[2])
        #expect(one.name != other.name && one.etag != other.etag)
        #expect(
            one.isNamed(Array(one.name.utf8)) == (true, true) && one.isNamed(Array(other.name.utf8)) == (true, false))
        #expect(one.isNamed(Array("layout-1.css".utf8)).isNamed == false)
    }

    @Test func `ours need no other file and move nothing`() {
        for sheet in PageSite().sheets {
            let text = String(decoding: sheet.content, as: UTF8.self)
            for word in ["url(", "@import", "animation", "transition", "expression"] { #expect(!text.contains(word)) }
            #expect(text.filter { $0 == "{" }.count == text.filter { $0 == "}" }.count)
        }
    }

    /// The colors of the theme, by name: light, then dark.
    private func colors() throws -> [[String: Double]] {
        let text = try #require(PageSite().sheets.last.map { String(decoding: $0.content, as: UTF8.self) })
        let pairs = text.matches(of: /--([a-z-]+): #([0-9a-f]{6})/).map { (String($0.output.1), String($0.output.2)) }
        let half = pairs.count / 2
        return [pairs[..<half], pairs[half...]].map {
            Dictionary(uniqueKeysWithValues: $0.map { ($0.0, luminance($0.1)) })
        }
    }

    /// WCAG 2.2, "relative luminance".
    private func luminance(_ hex: String) -> Double {
        let number = Int(hex, radix: 16) ?? 0
        let bytes: [Int] = [number >> 16, (number >> 8) & 255, number & 255]
        let parts: [Double] = bytes.map { byte -> Double in
            let part = Double(byte) / 255
            return part <= 0.04045 ? part / 12.92 : power((part + 0.055) / 1.055)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }

    /// To the power of 2.4, by the fifth root of the twelfth power.
    private func power(_ base: Double) -> Double {
        let twelfth = (0..<12).reduce(1.0) { product, _ in product * base }
        var root = 1.0
        for _ in 0..<200 {
            let fourth = root * root * root * root
            root -= (root * fourth - twelfth) / (5 * fourth)
        }
        return root
    }

    @Test func `text has a contrast of 7, controls of 4,5`() throws {
        func contrast(_ one: Double, _ other: Double) -> Double { (max(one, other) + 0.05) / (min(one, other) + 0.05) }
        for colors in try colors() {
            func color(_ name: String) throws -> Double { try #require(colors[name], "\(name)") }
            for (front, back, least) in [
                ("text", "back", 7), ("quiet", "back", 7), ("accent", "back", 7), ("bad", "back", 7),
                ("on-accent", "accent", 7), ("text", "surface", 7), ("bad", "surface", 7), ("line", "back", 4.5),
            ] {
                #expect(contrast(try color(front), try color(back)) >= least, "\(front) on \(back)")
            }
        }
    }
}
