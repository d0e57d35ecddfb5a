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
        #expect(try read(["BROWSER_TOKENS": "on", "AUDIENCE": "api, more"])?.allowsTokens == true)
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
                "PUBLIC_PATH": "/a/b_c-d.e", "ORIGINS": "https://app.example,https://www.shop.example.org:8443",
                "AFTER_SIGNIN": "https://app.example/home?x", "COOKIE_NAME": "Shop_1-x",
                "COOKIE_DOMAIN": "shop.example.org",
                "COOKIE_SAMESITE": "none", "COOKIE_PARTITIONED": "on",
            ]))
        #expect(options.afterSignIn?.text == "https://app.example/home?x")
        #expect(options.publicPath == "/a/b_c-d.e" && options.cookieName == "Shop_1-x")
        #expect(options.domain == "shop.example.org" && options.sameSite == .none && options.isPartitioned)
    }

    @Test(arguments: [
        ("https://Auth.Example.org", "https://auth.example.org"),
        ("https://auth.example.org:443/x", "https://auth.example.org"),
        ("https://auth.example.org:8443", "https://auth.example.org:8443"), ("http://localhost:80", "http://localhost"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
    ])
    func `the origin of the issuer is in the form that browsers send`(_ issuer: String, _ origin: String) throws {
        #expect(try read(["ISSUER": issuer, "PUBLIC_PATH": ""])?.origins == [origin])
        #expect(try read(["ISSUER": issuer, "ORIGINS": origin])?.origins == [origin])
    }

    @Test(arguments: [
        ["ISSUER": "https://user@auth.example.org"], ["ISSUER": "https://auth_1.example.org"],
        ["ISSUER": "https://auth.example.org:0"], ["ISSUER": "https://auth.example.org."],
    ])
    func `an issuer that no browser names as an origin is a mistake in browser mode`(_ settings: [String: String])
        throws
    {
        let found = mistakes(settings)
        #expect(found.count == 1 && found.first?.hasPrefix("MARTLET_ISSUER: ") == true, "\(found)")
        let issuer = try #require(settings["ISSUER"])
        #expect(try Configuration(environment: ["MARTLET_ISSUER": issuer], cores: 1).browser.options == nil)
    }

    @Test(arguments: [
        ("example.org", true), ("auth.example.org", true), ("example.net", true), ("app.example.net", true),
        ("example.com", false), ("co.uk", false), ("th.example.org", false), ("x.auth.example.org", false),
        ("example.or", false),
    ])
    func `the cookies of a domain must be those of a listed host`(_ domain: String, _ isRight: Bool) {
        let found = mistakes(["COOKIE_DOMAIN": domain, "ORIGINS": "https://app.example.net:8443"])
        #expect(found.count == (isRight ? 0 : 1))
        #expect(found.allSatisfy { $0.hasPrefix("MARTLET_COOKIE_DOMAIN: ") && $0.contains("drop every cookie") })
    }

    @Test func `tokens for pages need a second audience`() {
        let found = mistakes(["BROWSER_TOKENS": "on"])
        #expect(found.count == 1 && found.first?.hasPrefix("MARTLET_BROWSER_TOKENS: ") == true)
    }

    private func warnings(_ settings: [String: String]) throws -> [SettingsWarning] {
        let environment = Dictionary(uniqueKeysWithValues: settings.map { ("MARTLET_\($0.key)", $0.value) })
        return try Configuration(environment: environment, cores: 1).warnings
    }

    @Test func `settings that do nothing while browser mode is off are named`() throws {
        #expect(try warnings([:]).isEmpty)
        #expect(try warnings(["COOKIE_NAME": "martlet", "ORIGINS": "", "BROWSER_TOKENS": "off"]).isEmpty)
        let set = [
            "ORIGINS": "https://a.example", "COOKIE_DOMAIN": "a.example", "BROWSER_TOKENS": "on", "PAGES_NAME": "Shop",
        ]
        let found = try #require(try warnings(set).first)
        #expect("\(found.event)" == "browser_settings_unused")
        #expect(
            found.names == [
                "MARTLET_BROWSER_TOKENS", "MARTLET_ORIGINS", "MARTLET_COOKIE_DOMAIN", "MARTLET_PAGES_NAME",
            ])
        let issuer = ["ISSUER": "https://a.example", "AUDIENCE": "api,more", "BROWSER": "on"]
        #expect(try warnings(set.merging(issuer) { $1 }).isEmpty)
    }

    @Test(arguments: [
        ("https://a.example/auth", "/auth"), ("https://a.example/auth/", "/auth"), ("https://a.example/", ""),
    ])
    func `an issuer with a path asks for the public path`(_ issuer: String, _ path: String) throws {
        let found = try warnings(["BROWSER": "on", "ISSUER": issuer])
        #expect(found.map { "\($0.event)" } == (path.isEmpty ? [] : ["public_path_unset"]))
        #expect(found.allSatisfy { $0.remedy.contains("MARTLET_PUBLIC_PATH=\(path),") })
        for value in ["", "/auth", "/other"] {
            #expect(try warnings(["BROWSER": "on", "ISSUER": issuer, "PUBLIC_PATH": value]).isEmpty)
        }
        #expect(try warnings(["ISSUER": issuer]).isEmpty)
    }

    @Test func `no grace time signs out users with two tabs`() throws {
        let found = try warnings(["BROWSER": "on", "REFRESH_GRACE": "0s"])
        #expect(found.map { "\($0.event)" } == ["refresh_grace_off"])
        #expect(found.first?.names == ["MARTLET_REFRESH_GRACE"])
        #expect(try warnings(["REFRESH_GRACE": "0s"]).isEmpty)
        #expect(try warnings(["BROWSER": "on", "REFRESH_GRACE": "1s"]).isEmpty)
    }
}
