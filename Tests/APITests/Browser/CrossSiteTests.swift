import HTTP
import Testing

@testable import API

/// One request by cookie and what it gets: an empty code if it passes.
struct CrossSiteCase: Sendable, CustomTestStringConvertible {
    let fields: [(String, String)]
    /// At a path of the service that changes something, at one that reads, and at `/auth` for safe and other methods.
    let writing: String
    let reading: String
    let safe: String
    let unsafe: String

    init(_ fields: [(String, String)], _ writing: String, _ reading: String, _ safe: String, _ unsafe: String) {
        self.fields = fields
        (self.writing, self.reading, self.safe, self.unsafe) = (writing, reading, safe, unsafe)
    }

    /// The same for all four.
    init(_ fields: [(String, String)], _ code: String = "") { self.init(fields, code, code, code, code) }

    var testDescription: String { fields.map { "\($0.0): \($0.1)" }.joined(separator: ", ") }
}

@Suite("Where a request comes from: K7, K8")
struct CrossSiteTests {
    private static let csrf = "csrf_failed"
    private static let foreign = "origin_not_allowed"
    private static let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    private static let json = ("Content-Type", "application/json")

    private static func origin(_ text: String) -> (String, String) { ("Origin", text) }
    private static func site(_ text: String) -> (String, String) { ("Sec-Fetch-Site", text) }
    private static func mode(_ text: String) -> (String, String) { ("Sec-Fetch-Mode", text) }

    static let rule1 = [
        CrossSiteCase([origin(World.app)]), CrossSiteCase([origin(World.issuer)]),
        CrossSiteCase([origin(World.app), site("cross-site"), mode("cors")]),
        CrossSiteCase([origin(World.app), key]),
    ]

    static let rule2 = [
        CrossSiteCase([site("same-origin")]), CrossSiteCase([site("same-origin"), origin("null")]),
        CrossSiteCase([site("same-origin"), origin("https://elsewhere.example")]),
        CrossSiteCase([site("same-origin"), key]),
        CrossSiteCase([site("none")], csrf, "", "", csrf), CrossSiteCase([site("none"), key], csrf),
    ]

    static let rule3 = ["same-site", "cross-site", "Same-Origin", "", "x", "same-origin, none"].flatMap { name in
        [
            CrossSiteCase([site(name)], csrf, "", "", csrf),
            CrossSiteCase([site(name), json], csrf, "", "", csrf),
            CrossSiteCase([site(name), mode("navigate")], csrf, "", "", csrf),
            CrossSiteCase([site(name), mode("navigate"), origin("null")], csrf, "", "", csrf),
            CrossSiteCase([site(name), mode("cors"), origin("https://evil.example")], csrf),
            CrossSiteCase([site(name), origin("null")], csrf), CrossSiteCase([site(name), key], csrf),
            CrossSiteCase([site(name), key, origin("https://evil.example"), mode("websocket")], csrf),
        ]
    }

    static let rule4 = [
        "null", "https://evil.example", "\(World.app).evil.example", "\(World.app)/", "\(World.app):443",
        "HTTPS://app.example", "https://App.example", "http://app.example", "https://app.exampl",
        "https://аpp.example", "https://x.app.example", "*", "", "\(World.app), \(World.app)",
        String(repeating: "a", count: 8_192),
    ].flatMap { text in [CrossSiteCase([origin(text)], foreign), CrossSiteCase([origin(text), key], foreign)] }

    static let rule5 = [
        CrossSiteCase([], csrf, "", "", csrf), CrossSiteCase([key], csrf),
        CrossSiteCase([json], "", "", "", csrf), CrossSiteCase([json, key], "", "", csrf, csrf),
        CrossSiteCase([("Content-Type", "application/json; charset=utf-8")], "", "", "", csrf),
        CrossSiteCase([("Content-Type", "text/plain")], csrf, "", "", csrf),
        CrossSiteCase([("Content-Type", "application/x-www-form-urlencoded")], csrf, "", "", csrf),
        CrossSiteCase([json, json], csrf, "", "", csrf),
    ]

    static let twice = [
        CrossSiteCase([origin(World.app), origin(World.app)], foreign),
        CrossSiteCase([origin(World.app), origin("null"), site("same-origin")], foreign),
        CrossSiteCase([site("same-origin"), site("same-origin")], csrf, "", "", csrf),
        CrossSiteCase([site("same-origin"), site("same-origin"), origin("null")], csrf),
        CrossSiteCase([site("cross-site"), mode("navigate"), mode("navigate"), origin("null")], csrf),
    ]

    @Test(arguments: rule1 + rule2 + rule3 + rule4 + rule5 + twice)
    func `the table`(_ entry: CrossSiteCase) {
        let uses: [(CrossSite.Use, String)] = [
            (.own(isReading: false), entry.writing), (.own(isReading: true), entry.reading),
            (.gateway(isSafe: true), entry.safe), (.gateway(isSafe: false), entry.unsafe),
        ]
        for (use, code) in uses {
            let ask = entry.fields.reduce(Ask("POST", "/x")) { $0.with($1.0, $1.1) }
            var found: Problem?
            do throws(Problem) { try CrossSite.check(ask.laidOut(), use, World.browser) } catch { found = error }
            #expect(found?.code.rawValue ?? "" == code, "\(use)")
            #expect(found == nil || (found?.status == 403 && found?.clearsCookies == false))
        }
    }

    @Test func `the detail names the field that decided`() {
        func detail(_ fields: [(String, String)]) -> String? {
            let ask = fields.reduce(Ask("POST", "/x")) { $0.with($1.0, $1.1) }
            do throws(Problem) { try CrossSite.check(ask.laidOut(), .own(isReading: false), World.browser) } catch {
                return error.detail
            }
            return nil
        }
        #expect(detail([Self.site("cross-site")])?.hasPrefix("Sec-Fetch-Site") == true)
        #expect(detail([Self.site("none")])?.hasPrefix("Sec-Fetch-Site") == true)
        #expect(detail([Self.origin("null")])?.hasPrefix("Origin") == true)
        #expect(detail([])?.hasPrefix("Neither Origin nor Sec-Fetch-Site") == true)
    }
}
