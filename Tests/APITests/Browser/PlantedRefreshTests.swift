import API
import Testing

/// A host of the same site can plant a cookie that begins with `__Secure-`, for every path and with any value.
@Suite("Refresh cookies that another host has planted")
struct PlantedRefreshTests {
    let world: World

    init() throws { world = try World() }

    private static func pair(_ value: String) -> String { "__Secure-martlet-refresh=\(value)" }

    /// Noise, and the token of a session of the attacker's own.
    private func planted() -> [String] {
        ["x", "", "\"x\"", world.jar("bob").value("refresh")].map(Self.pair)
    }

    /// The planted cookies before and after those of the user.
    private func arrangements(_ own: [String]) -> [[String]] {
        planted().flatMap { [own + [$0], [$0] + own, [$0] + own + [Self.pair("y"), $0]] }
    }

    @Test func `the token of the session counts, wherever it comes`() {
        for index in arrangements([]).indices {
            let jar = world.jar()
            let answer = world.send(
                Ask("POST", "/refresh").sameOrigin.cookies(arrangements([jar.session, jar.refresh])[index]))
            #expect(answer.status == 200 && Jar(answer).lines.count == 3)
            #expect(world.verify(Jar(answer).value("access")).status == 200)
        }
        let jar = world.jar()
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh + [jar.refresh])).status == 200)
    }

    @Test func `a visit goes on to its page`() {
        let jar = world.jar()
        world.clock.advance(601)
        let answer = world.send(
            World.navigation("/refresh?return=/page").cookies([Self.pair("x"), jar.session, jar.refresh]))
        #expect(answer.status == 303 && answer["location"] == "/page" && Jar(answer).lines.count == 3)
        let valid = Jar(answer)
        let check = World.navigation("/refresh?return=/page&step=check")
        #expect(world.send(check.cookies(valid.atRefresh + [Self.pair("x")]))["location"] == "/page")
    }

    /// Ours is Strict, so only the planted one arrives at first.
    @Test func `a link from another site does not end the session`() {
        for plant in planted() {
            let jar = world.jar()
            world.clock.advance(601)
            let away = Ask("GET", "/refresh?return=/page").with("Sec-Fetch-Site", "cross-site")
                .with("Sec-Fetch-Mode", "navigate").with("Sec-Fetch-Dest", "document")
            let first = world.send(away.cookies([jar.session, plant]))
            #expect(first.status == 200 && first.text.contains("step=bounced") && Jar(first).lines.isEmpty)
            let second = World.navigation("/refresh?return=/page&step=bounced")
            #expect(world.send(second.cookies([plant] + [jar.session, jar.refresh]))["location"] == "/page")
        }
    }

    @Test func `they keep nobody from any other request`() {
        let jar = world.jar()
        for cookies in arrangements(jar.atRoot) {
            #expect(world.send(Ask("GET", "/session").sameOrigin.cookies(cookies)).status == 200)
            #expect(world.send(Ask("GET", "/auth?via=request").sameOrigin.cookies(cookies))["x-auth-user"] == "alice")
            #expect(
                world.send(World.cookieLogin("bob").cookies(cookies.filter { $0 != jar.access && $0 != jar.session }))
                    .status == 200)
        }
        let out = world.send(Ask("POST", "/logout").sameOrigin.cookies(jar.atRoot + [Self.pair("x"), Self.pair("y")]))
        #expect(out.status == 204 && Jar(out).isCleared)
    }

    @Test func `without one that fits there is no session`() {
        let jar = world.jar()
        for plant in planted() {
            for cookies in [[jar.session, plant], [jar.session, plant, Self.pair("y")], [plant, Self.pair("y")]] {
                let answer = world.send(Ask("POST", "/refresh").sameOrigin.cookies(cookies))
                #expect(answer.status == 401 && answer.code == "refresh_invalid" && Jar(answer).isCleared)
            }
        }
        #expect(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)).status == 200)
    }

    @Test func `two that fit are ambiguous, and so are two session cookies`() {
        let jar = world.jar()
        let next = Jar(world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh)))
        for cookies in [[next.session, jar.refresh, next.refresh], next.atRefresh + [next.session]] {
            let answer = world.send(Ask("POST", "/refresh").sameOrigin.cookies(cookies))
            #expect(answer.status == 400 && answer.code == "cookie_ambiguous" && Jar(answer).isAllCleared)
        }
    }

    @Test func `a token of the session itself does not pass the gateway`() {
        let jar = world.jar()
        let socket = Ask("GET", "/auth?via=request&subprotocol=yes").with("Sec-WebSocket-Key", "x").sameOrigin
            .with("Sec-WebSocket-Protocol", "martlet.bearer.\(jar.value("access"))")
        for ask in [
            Ask("GET", "/auth?via=request").sameOrigin.cookies(jar.atRefresh),
            Ask("GET", "/auth?via=request").sameOrigin.cookies([jar.access, Self.pair("x"), jar.refresh]),
            socket.cookies([jar.refresh]), socket.cookies([jar.session, jar.refresh]),
        ] {
            #expect(world.send(ask).code == "token_malformed")
        }
        #expect(world.send(socket.cookies([Self.pair("x")])).status == 200)
    }

    /// Then another host can plant the session cookie as well.
    @Test func `with cookies of a domain, no refresh cookie may come twice or pass the gateway`() throws {
        let world = try World(browser: World.browser { $0.domain = "example" })
        let jar = world.jar()
        let plant = "__Secure-martlet.example-refresh=x"
        let twice = world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh + [plant]))
        #expect(twice.status == 400 && twice.code == "cookie_ambiguous")
        let auth = world.send(Ask("GET", "/auth?via=request").sameOrigin.cookies(jar.atRoot + [plant]))
        #expect(auth.status == 401 && auth.code == "token_malformed")
    }
}
