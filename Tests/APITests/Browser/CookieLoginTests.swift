import Accounts
import Foundation
import HTTP
import Testing

@testable import API

@Suite("POST /login by cookie")
struct CookieLoginTests {
    let world: World

    init() throws { world = try World() }

    private static let members: Set = [
        "token_type", "expires_in", "refresh_expires_in", "session_id", "scope", "subject", "username",
    ]

    @Test func `a browser gets cookies, and no token in the content: K1 to K5`() {
        let answer = world.send(World.cookieLogin())
        #expect(answer.status == 200 && answer["cache-control"] == "no-store")
        #expect(Set(answer.json.keys) == Self.members && answer.string("token_type") == "Cookie")
        #expect(answer.string("subject") == "\(World.alice)" && answer.string("username") == "alice")
        #expect(answer.number("expires_in") == 600 && answer.number("refresh_expires_in") == 14 * 86_400)
        let jar = Jar(answer)
        #expect(jar.lines.count == 3)
        #expect(jar.access.hasPrefix("__Host-Http-martlet-access="))
        #expect(jar.session.hasPrefix("__Host-Http-martlet-session=\(answer.string("session_id") ?? "-").1."))
        #expect(jar.refresh.hasPrefix("__Secure-martlet-refresh="))
        #expect(jar.attributes("access") == "Max-Age=600; Secure; HttpOnly; Path=/; SameSite=Lax")
        #expect(jar.attributes("session") == "Max-Age=1209600; Secure; HttpOnly; Path=/; SameSite=Lax")
        #expect(jar.attributes("refresh") == "Max-Age=1209600; Secure; HttpOnly; Path=/refresh; SameSite=Strict")
        #expect(world.verify(jar.value("access")).status == 200)
        for kind in ["access", "session", "refresh"] {
            #expect(!answer.text.contains(jar.value(kind)) && !jar.value(kind).isEmpty)
            #expect(jar.value(kind).utf8.allSatisfy(CookieField.isCookieByte) && jar.pair(kind).utf8.count <= 4_096)
        }
    }

    @Test func `mode decides, and without it the fields that only browsers send`() {
        let form = ["username": "alice", "password": World.password] as KeyValuePairs
        #expect(Jar(world.send(Ask("POST", "/login").form(form))).lines.isEmpty)
        #expect(Jar(world.send(Ask("POST", "/login").form(form).with("Origin", World.app))).lines.count == 3)
        #expect(world.jar().lines.count == 3)
        let body = world.send(World.cookieLogin("alice", ",\"mode\":\"body\""))
        #expect(Jar(body).lines.isEmpty && body.string("access_token") != nil)
        let json = "{\"username\":\"alice\",\"password\":\"\(World.password)\",\"mode\":\"cookie\"}"
        #expect(Jar(world.send(Ask("POST", "/login").json(json).from(.ipv4(0x7f00_0001)))).lines.count == 3)
        #expect(world.send(World.cookieLogin("alice", ",\"mode\":\"x\"")).code == "request_malformed")
    }

    @Test(arguments: ["{}", "{\"mode\":\"body\"}", "{\"mode\":\"cookie\"}"])
    func `a page of another site cannot sign in, whatever the mode: K8`(_ members: String) {
        let extra = members == "{}" ? "" : "," + members.dropFirst().dropLast()
        let json = "{\"username\":\"alice\",\"password\":\"\(World.password)\"\(extra)}"
        let ask = Ask("POST", "/login").json(json)
        let crossSite = world.send(ask.with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.example"))
        #expect(crossSite.status == 403 && crossSite.code == "csrf_failed" && Jar(crossSite).lines.isEmpty)
        let foreign = world.send(ask.with("Origin", "https://evil.example"))
        #expect(foreign.status == 403 && foreign.code == "origin_not_allowed" && Jar(foreign).lines.isEmpty)
        #expect(world.log.events("login_succeeded").isEmpty)
    }

    @Test func `a form without the fields of browsers sets no cookie`() {
        let form = Ask("POST", "/login").form(["username": "alice", "password": World.password, "mode": "cookie"])
            .from(World.near)
        #expect(world.send(form).code == "csrf_failed")
    }

    @Test func `remember false: cookies that end with the browser, also after a refresh`() {
        for members in [",\"remember\":false", ",\"remember\":false,\"mode\":\"cookie\""] {
            let jar = world.jar("alice", members)
            #expect(jar.lines.count == 3 && jar.lines.allSatisfy { !$0.contains("Max-Age") })
            #expect(jar.value("session").dropFirst(36).hasPrefix(".0."))
            let next = Jar(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)))
            #expect(next.lines.count == 3 && next.lines.allSatisfy { !$0.contains("Max-Age") })
        }
        #expect(world.jar("alice", ",\"remember\":true").lines.allSatisfy { $0.contains("Max-Age=") })
        for wrong in ["\"no\"", "0", "[]"] {
            let answer = world.send(World.cookieLogin("alice", ",\"remember\":\(wrong)"))
            #expect(answer.code == "request_malformed", "\(wrong)")
        }
        let inBody = world.send(World.cookieLogin("alice", ",\"remember\":true,\"mode\":\"body\""))
        #expect(inBody.code == "request_malformed")
        let form = ["username": "alice", "password": World.password, "remember": "false"] as KeyValuePairs
        let jar = Jar(world.send(Ask("POST", "/login").form(form).sameOrigin.from(World.near)))
        #expect(jar.lines.count == 3 && jar.lines.allSatisfy { !$0.contains("Max-Age") })
    }

    @Test func `a login ends the session that the browser had: F13`() {
        let first = world.jar()
        let next = Jar(world.send(World.cookieLogin("bob").cookies(first.atRoot)))
        #expect(world.verify(first.value("access")).code == "session_revoked")
        #expect(world.verify(next.value("access")).status == 200)
        // Not before the password is right.
        let wrong = Ask("POST", "/login").json("{\"username\":\"bob\",\"password\":\"wrong\"}").sameOrigin
            .from(World.near)
        #expect(world.send(wrong.cookies(next.atRoot)).status == 401)
        #expect(world.verify(next.value("access")).status == 200)
        // The access cookie has gone with its time; the session cookie is left.
        world.clock.advance(601)
        #expect(world.send(World.cookieLogin().cookies([next.session])).status == 200)
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(next.atRefresh)).code == "session_replaced")
    }

    @Test func `the identifier of a session alone ends nothing`() {
        let jar = world.jar()
        let sid = String(jar.value("session").prefix(36))
        for proof in ["019a0000-0000-8000-8000-000000000001", sid] {
            let forged = "__Host-Http-martlet-session=\(sid).1.\(proof)"
            #expect(world.send(World.cookieLogin("bob").cookies([forged])).status == 200)
        }
        #expect(world.send(World.cookieLogin("bob").cookies(["__Host-Http-martlet-session=\(sid)"])).status == 200)
        #expect(world.verify(jar.value("access")).status == 200)
    }

    @Test func `two cookies of one name: 400, and all are cleared`() {
        let jar = world.jar()
        let answer = world.send(World.cookieLogin().cookies([jar.access, jar.access]))
        #expect(answer.status == 400 && answer.code == "cookie_ambiguous" && Jar(answer).isAllCleared)
    }

    @Test func `a client does not get cookies`() {
        let secret = World.encoded(World.secret)
        let plain = world.send(World.cookieLogin().basic("shop", secret))
        #expect(plain.status == 200 && Jar(plain).lines.isEmpty && plain.string("access_token") != nil)
        let explicit = World.cookieLogin("alice", ",\"mode\":\"cookie\"").basic("shop", secret)
        #expect(world.send(explicit).code == "request_malformed")
    }

    @Test func `without TLS, cookies are for this machine only`() {
        func login(_ peer: PeerAddress, _ fields: [(String, String)], relayed: Bool = false) -> Answer {
            var ask = fields.reduce(World.cookieLogin().from(peer)) { $0.with($1.0, $1.1) }
            ask.isRelayed = relayed
            return world.send(ask)
        }
        let far = PeerAddress.ipv4(0xc000_0207)
        let refused = login(far, [])
        #expect(refused.code == "request_malformed" && refused.string("detail")?.contains("--dev-tls") == true)
        #expect(login(far, [("X-Forwarded-Proto", "https")]).code == "request_malformed")
        #expect(login(far, [("X-Forwarded-Proto", "https")], relayed: true).status == 200)
        for wrong in ["http", "https, http", "HTTPS", ""] {
            #expect(login(far, [("X-Forwarded-Proto", wrong)], relayed: true).code == "request_malformed", "\(wrong)")
        }
        let twice = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")]
        #expect(login(far, twice, relayed: true).code == "request_malformed")
        #expect(login(far, [("Origin", World.app)]).status == 200)
        for near in [PeerAddress.local, .ipv4(0x7f01_0203), .ipv6(high: 0, low: 1)] {
            #expect(login(near, []).status == 200, "\(near)")
        }
    }

    @Test func `a token that does not fit into its cookie is our fault, and the log names the claim`() throws {
        let world = try World()
        // The token itself may have 4,096 bytes; with the name of the cookie it has a few more.
        try world.outgrowCookie(world.pair().access)
        #expect(world.pair().access.utf8.count > 4_070)
        let answer = world.send(World.cookieLogin())
        #expect(answer.status == 500 && answer.code == "internal" && Jar(answer).lines.isEmpty)
        let line = try #require(world.log.events("cookie_too_large").first)
        #expect(line["claim"] as? String == "roles" && line["sub"] as? String == "\(World.alice)")
    }

    @Test func `a domain, a path, SameSite and Partitioned are in every attribute list`() throws {
        let browser = World.browser { options in
            options.cookieName = "shop"
            options.domain = "example.org"
            options.publicPath = "/martlet"
            options.sameSite = .none
            options.isPartitioned = true
        }
        let jar = try World(browser: browser).jar()
        let tail = "; SameSite=None; Domain=example.org; Partitioned"
        let prefix = "__Secure-shop.partitioned.example.org-"
        #expect(jar.access.hasPrefix("\(prefix)access=") && jar.session.hasPrefix("\(prefix)session="))
        #expect(jar.attributes("access") == "Max-Age=600; Secure; HttpOnly; Path=/\(tail)")
        #expect(jar.attributes("refresh") == "Max-Age=1209600; Secure; HttpOnly; Path=/martlet/refresh\(tail)")
        let strict = try World(browser: World.browser { $0.sameSite = .strict }).jar()
        #expect(strict.attributes("session").hasSuffix("; Path=/; SameSite=Strict"))
        #expect(strict.attributes("refresh").hasSuffix("; Path=/refresh; SameSite=Strict"))
    }

    /// A browser keeps both, so two of one name would be sent together.
    @Test func `cookies of another domain or partition have other names`() throws {
        var names: [Set<String>] = []
        for domain in [nil, "example.org", "app.example.org"] {
            for isPartitioned in [false, true] {
                let browser = World.browser { options in
                    options.domain = domain
                    options.isPartitioned = isPartitioned
                }
                let jar = try World(browser: browser).jar("alice", ",\"device\":\"a phone\"")
                names.append(Set(jar.lines.map { String($0.prefix { $0 != "=" }) }))
                #expect(names.last?.count == 4)
            }
        }
        #expect(names.first?.contains("__Host-Http-martlet-access") == true)
        #expect(Set(names.joined()).count == names.count * 4)
    }

    @Test(arguments: [nil, "example.org"], [false, true])
    func `a name that comes twice is cleared wherever a browser may keep it`(
        _ domain: String?, _ isPartitioned: Bool
    ) throws {
        let browser = World.browser { options in
            options.domain = domain
            options.isPartitioned = isPartitioned
        }
        let world = try World(browser: browser)
        let jar = world.jar()
        let answer = world.send(Ask("GET", "/session").sameOrigin.cookies(jar.atRoot + [jar.access]))
        #expect(answer.code == "cookie_ambiguous")
        for kind in ["access", "session", "refresh", "device"] {
            let lines = Jar(answer).lines.filter { $0.prefix { $0 != "=" }.hasSuffix("-\(kind)") }
            let places = lines.map { line in
                line.split(separator: "; ").filter { $0.hasPrefix("Domain=") || $0 == "Partitioned" }
                    .joined(separator: " ")
            }
            let expected =
                ["", "Partitioned"] + (domain == nil ? [] : ["Domain=example.org", "Domain=example.org Partitioned"])
            #expect(places.sorted() == expected.sorted())
            #expect(lines.allSatisfy { $0.contains("=; Max-Age=0; ") })
        }
    }
}
