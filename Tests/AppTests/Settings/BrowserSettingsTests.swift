@testable import App
import API
import Testing

@Suite("Settings of browser mode")
struct BrowserSettingsTests {
    private func read(_ settings: [String: String]) throws(ConfigurationError) -> Browser.Options? {
        var environment = ["MARTLET_BROWSER": "on", "MARTLET_ISSUER": "https://auth.example.org/x"]
        for (name, value) in settings { environment["MARTLET_\(name)"] = value }
        return try Configuration(environment: environment, cores: 1).browser.options
    }

    private func mistakes(_ settings: [String: String]) -> [String] {
        do {
            _ = try read(settings)
            return []
        } catch {
            return error.mistakes
        }
    }

    @Test func `off by default, and the origin of the issuer is always in the list`() throws {
        #expect(try Configuration(environment: [:], cores: 1).browser.options == nil)
        let plain = try #require(try read([:]))
        #expect(plain.origins == ["https://auth.example.org"] && plain.cookieName == "martlet" && plain.domain == nil)
        #expect(plain.sameSite == .lax && !plain.isPartitioned && plain.publicPath.isEmpty)
        #expect(plain.afterSignIn?.text == "/" && !plain.allowsTokens)
        #expect(try read(["BROWSER_TOKENS": "on"])?.allowsTokens == true)
        let more = try #require(try read(["ORIGINS": "https://a.example, https://auth.example.org"]))
        #expect(more.origins == ["https://a.example", "https://auth.example.org"])
    }

    @Test(arguments: [
        "https://a", "https://app.example.org", "https://app.example.org:8443", "http://localhost",
        "http://localhost:3000", "http://app.localhost:8000", "http://127.0.0.1:8080",
        "http://[::1]:3000", "https://[2001:db8::1]", "https://xn--pp-6kc.example", "https://10.0.0.1",
    ])
    func `an origin as browsers send it`(_ origin: String) throws {
        #expect(try read(["ORIGINS": origin])?.origins.contains(origin) == true)
    }

    @Test(arguments: [
        "null", "*", "https://", "https://App.example", "HTTPS://app.example", "https://app.example/",
        "https://app.example/x", "https://app.example:443", "http://localhost:80", "https://app.example:0",
        "https://app.example:08", "https://app.example:65536", "https://app.example:", "http://app.example",
        "ftp://app.example", "app.example", "https://*.example", "https://a..example", "https://a.example.",
        "https://-a.example", "https://аpp.example", "https://u@app.example", "https://app.example?x", "https://[::1",
        "https://[x]", "http://localhost.example", "http://127.0.0.2", "://x", "https://a.example https://b.example",
    ])
    func `any other text is a mistake`(_ origin: String) {
        #expect(mistakes(["ORIGINS": origin]).count == 1)
    }

    @Test func `too many origins are a mistake`() {
        let origins = (0..<65).map { "https://a\($0).example" }
        #expect(mistakes(["ORIGINS": origins.joined(separator: ",")]).count == 1)
        #expect(mistakes(["ORIGINS": origins.dropLast().joined(separator: ",")]).isEmpty)
    }

    @Test(arguments: [
        ("PUBLIC_PATH", "martlet"), ("PUBLIC_PATH", "/"), ("PUBLIC_PATH", "/martlet/"), ("PUBLIC_PATH", "/a//b"),
        ("PUBLIC_PATH", "/../x"), ("PUBLIC_PATH", "/a;b"), ("PUBLIC_PATH", "/a b"), ("PUBLIC_PATH", "/%41"),
        ("COOKIE_NAME", ""), ("COOKIE_NAME", "a.b"), ("COOKIE_NAME", "a=b"), ("COOKIE_NAME", "a b"),
        ("COOKIE_NAME", String(repeating: "a", count: 33)), ("COOKIE_DOMAIN", ".example.org"),
        ("COOKIE_DOMAIN", "org"), ("COOKIE_DOMAIN", "Example.org"), ("COOKIE_DOMAIN", "10.0.0.1"),
        ("COOKIE_DOMAIN", "example.org;"), ("COOKIE_SAMESITE", "none"), ("COOKIE_SAMESITE", "Lax"),
        ("COOKIE_PARTITIONED", "yes"), ("BROWSER", "true"), ("BROWSER_TOKENS", "yes"),
        ("AFTER_SIGNIN", ""), ("AFTER_SIGNIN", "home"),
        ("AFTER_SIGNIN", "//evil.example"), ("AFTER_SIGNIN", "https://evil.example/"), ("AFTER_SIGNIN", "/refresh"),
    ])
    func `a mistake names its setting`(_ name: String, _ value: String) {
        let found = mistakes([name: value])
        #expect(found.count == 1 && found.first?.hasPrefix("MARTLET_\(name): ") == true, "\(found)")
    }

    @Test func `the rest is as it is written`() throws {
        let options = try #require(
            try read([
                "PUBLIC_PATH": "/a/b_c-d.e", "ORIGINS": "https://app.example",
                "AFTER_SIGNIN": "https://app.example/home?x", "COOKIE_NAME": "Shop_1-x",
                "COOKIE_DOMAIN": "shop.example.org",
                "COOKIE_SAMESITE": "none", "COOKIE_PARTITIONED": "on",
            ]))
        #expect(options.afterSignIn?.text == "https://app.example/home?x")
        #expect(options.publicPath == "/a/b_c-d.e" && options.cookieName == "Shop_1-x")
        #expect(options.domain == "shop.example.org" && options.sameSite == .none && options.isPartitioned)
    }
}
