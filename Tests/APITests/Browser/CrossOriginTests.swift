import API
import Foundation
import HTTP
import Testing

@Suite("CORS: K10")
struct CrossOriginTests {
    let world: World

    init() throws { world = try World() }

    private static let asks = [
        World.cookieLogin(), Ask("POST", "/login").json("{"), Ask("POST", "/refresh"), Ask("POST", "/logout"),
        Ask("GET", "/session"), Ask("PUT", "/session"), Ask("GET", "/login"), Ask("OPTIONS", "/refresh"),
        Ask("GET", "/session?token=x"), Ask("GET", "/sessions"), Ask("DELETE", "/sessions/x"), Ask("POST", "/password"),
    ]

    @Test(arguments: asks)
    func `every answer to a listed origin says so, errors included`(_ ask: Ask) {
        let answer = world.send(ask.with("Origin", World.app))
        #expect(answer["access-control-allow-origin"] == World.app && answer["vary"] == "Origin")
        #expect(answer["access-control-allow-credentials"] == "true")
        let exposed = "Retry-After, Refresh-Outcome, WWW-Authenticate, Revocation-Seq, ETag"
        #expect(answer["access-control-expose-headers"] == exposed)
    }

    @Test(arguments: asks)
    func `no other origin is named, and none is reflected`(_ ask: Ask) {
        for origin in ["null", "*", "\(World.app).evil.example", "\(World.app):443", "https://x.app.example", ""] {
            let answer = world.send(ask.with("Origin", origin))
            #expect(!answer.fields.contains { $0.name.hasPrefix("access-control-") }, "\(origin)")
            #expect(answer["vary"] == "Origin")
        }
        #expect(world.send(ask)["vary"] == "Origin")
        let twice = world.send(ask.with("Origin", World.app).with("Origin", World.app))
        #expect(!twice.fields.contains { $0.name.hasPrefix("access-control-") })
    }

    @Test func `a preflight gets the real methods and fields`() {
        for (path, methods) in [
            ("/login", "POST"), ("/refresh", "GET, HEAD, POST"), ("/logout", "POST"),
            ("/session", "GET, HEAD"), ("/sessions", "GET, HEAD"), ("/sessions/x", "DELETE"), ("/password", "POST"),
        ] {
            let ask = Ask("OPTIONS", path).with("Access-Control-Request-Method", "POST")
            let answer = world.send(ask.with("Origin", World.app))
            #expect(answer.status == 204 && answer["access-control-allow-methods"] == methods)
            #expect(answer["access-control-allow-headers"] == "Authorization, Content-Type, If-Match, If-None-Match")
            #expect(answer["access-control-max-age"] == "600")
            // A browser may name its fields in several lines.
            let several = ask.with("Access-Control-Request-Headers", "content-type")
                .with("Access-Control-Request-Headers", "x-other, authorization")
            #expect(world.send(several.with("Origin", World.app)).fields.map(\.value) == answer.fields.map(\.value))
            let foreign = world.send(ask.with("Origin", "https://evil.example"))
            #expect(foreign.status == 204 && !foreign.fields.contains { $0.name.hasPrefix("access-control-") })
        }
        let plain = world.send(Ask("OPTIONS", "/login").with("Origin", World.app))
        #expect(plain["access-control-allow-methods"] == nil && plain["access-control-allow-origin"] == World.app)
    }

    @Test func `other endpoints answer as before`() {
        for path in ["/verify", "/auth", "/healthz", "/token"] {
            let answer = world.send(Ask("GET", path).with("Origin", World.app))
            #expect(answer["vary"] == nil && answer["access-control-allow-credentials"] == nil)
        }
    }
}

@Suite("Browser mode off")
struct BrowserModeOffTests {
    let world: World
    let jar: Jar

    init() throws {
        world = try World(browser: nil)
        jar = try World().jar()
    }

    @Test(arguments: ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
    func `the session has no path`(_ method: String) {
        let answer = world.send(Ask(method, "/session").bearer(world.pair().access).with("Origin", World.app))
        #expect(answer.code == "not_found" && answer["vary"] == nil)
    }

    @Test func `no cookie is set or read, and no origin is named`() {
        for ask in [
            World.cookieLogin().with("Origin", World.app), Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh),
            Ask("POST", "/logout").sameOrigin.cookies(jar.atRoot), Ask("GET", "/auth").cookies(jar.atRoot),
            Ask("OPTIONS", "/login").with("Origin", World.app).with("Access-Control-Request-Method", "POST"),
        ] {
            let answer = world.send(ask)
            #expect(Jar(answer).lines.isEmpty && answer["vary"] == nil, "\(ask.path)")
            #expect(!answer.fields.contains { $0.name.hasPrefix("access-control-") })
        }
        #expect(world.send(World.cookieLogin()).string("access_token") != nil)
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)).code == "request_malformed")
        #expect(world.send(Ask("POST", "/logout").sameOrigin.cookies(jar.atRoot)).code == "token_missing")
        #expect(world.send(Ask("GET", "/auth").cookies(jar.atRoot)).code == "token_missing")
        let foreign = World.cookieLogin().with("Origin", "https://evil.example")
        #expect(world.send(foreign).status == 200)
    }

    @Test func `its members and parameters are unknown`() {
        let cookie = world.send(World.cookieLogin("alice", ",\"mode\":\"cookie\""))
        #expect(cookie.string("detail") == "The only supported mode is body.")
        let remember = world.send(World.cookieLogin("alice", ",\"remember\":true"))
        #expect(remember.string("detail") == "Unknown member: remember.")
        #expect(world.send(Ask("GET", "/auth?via=request").bearer(world.pair().access)).code == "condition_invalid")
    }
}
