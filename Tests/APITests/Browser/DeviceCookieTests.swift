import API
import Foundation
import HTTP
import Testing

@Suite("The cookie of the device")
struct DeviceCookieTests {
    let world: World

    init() throws { world = try World() }

    private func signIn(_ cookies: [String], password: String = World.password, _ members: String = "") -> Answer {
        let json = "{\"username\":\"alice\",\"password\":\"\(password)\"\(members)}"
        let ask = Ask("POST", "/login").json(json).sameOrigin.from(World.near)
        return world.send(cookies.isEmpty ? ask : ask.cookies(cookies))
    }

    @Test func `a login that names its device gets one, and no token in its content`() {
        let answer = signIn([], ",\"device\":\"Laptop\"")
        let jar = Jar(answer)
        #expect(jar.lines.count == 4 && jar.device.hasPrefix("__Host-Http-martlet-device=eyJ"))
        #expect(jar.attributes("device") == "Max-Age=15552000; Secure; HttpOnly; Path=/; SameSite=Lax")
        #expect(jar.device.utf8.count <= 4_096 && !answer.text.contains("eyJ") && answer.json["device_token"] == nil)
        #expect(Jar(signIn([])).lines.count == 3)
        let brief = Jar(signIn([], ",\"device\":\"Laptop\",\"remember\":false"))
        #expect(brief.lines.count == 4 && brief.lines.allSatisfy { !$0.contains("Max-Age") })
    }

    @Test func `it outlives sign-out, refresh and failures`() {
        let jar = Jar(signIn([], ",\"device\":\"Laptop\""))
        let out = world.send(Ask("POST", "/logout").sameOrigin.cookies(jar.atRoot + [jar.device]))
        #expect(out.status == 204 && Jar(out).isCleared)
        let late = world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh + [jar.device]))
        #expect(late.status == 401 && Jar(late).lines.allSatisfy { !$0.contains("-device=") })
        #expect(Jar(signIn([jar.device], password: "wrong")).lines.isEmpty)
        // Alone, it is no session.
        #expect(world.send(Ask("GET", "/session").sameOrigin.cookies([jar.device])).code == "token_missing")
        #expect(world.send(Ask("GET", "/auth?via=request").cookies([jar.device])).code == "token_missing")
    }

    @Test func `guesses of others do not delay a login with it`() {
        let device = Jar(signIn([], ",\"device\":\"Laptop\"")).device
        for _ in 0..<3 { #expect(signIn([], password: "wrong").status == 401) }
        #expect(signIn([]).status == 429 && signIn(["__Host-Http-martlet-device=x"]).status == 429)
        #expect(signIn([device]).status == 200)
        // The content decides where it names a token.
        #expect(signIn([device], ",\"device_token\":\"x\"").status == 429)
        // A client that keeps tokens itself sends its own.
        let json = "{\"username\":\"alice\",\"password\":\"\(World.password)\",\"mode\":\"body\"}"
        let body = Ask("POST", "/login").json(json).sameOrigin.from(World.near).cookies([device])
        #expect(world.send(body).status == 429)
    }

    @Test func `nor a change of the password`() {
        let jar = Jar(signIn([], ",\"device\":\"Laptop\""))
        let change = "{\"current_password\":\"\(World.password)\",\"new_password\":\"four other words\"}"
        for _ in 0..<3 { #expect(signIn([], password: "wrong").status == 401) }
        let ask = Ask("POST", "/password").json(change).from(World.near)
        #expect(world.send(ask.sameOrigin.cookies(jar.atRoot)).status == 429)
        #expect(world.send(ask.bearer(jar.value("access")).cookies([jar.device])).status == 429)
        #expect(world.send(ask.sameOrigin.cookies(jar.atRoot + [jar.device])).status == 204)
    }

    @Test func `two of them are refused, and all cookies are cleared`() {
        let jar = Jar(signIn([], ",\"device\":\"Laptop\""))
        for cookies in [[jar.device, jar.device], [jar.device, "__Host-Http-martlet-device="]] {
            let answer = signIn(cookies)
            #expect(answer.status == 400 && answer.code == "cookie_ambiguous" && Jar(answer).isAllCleared)
        }
        #expect(
            world.send(Ask("GET", "/auth?via=request").cookies([jar.access, jar.device, jar.device])).status == 401)
    }
}
