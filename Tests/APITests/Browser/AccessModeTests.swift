import API
import Foundation
import HTTP
import Testing

@Suite("The mode access")
struct AccessModeTests {
    let world: World

    init() throws { world = try World(browser: World.browser { $0.allowsTokens = true }) }

    private static let billing = ",\"mode\":\"access\",\"audience\":\"billing\""

    private func refresh(_ cookies: [String], _ json: String = "{\"mode\":\"access\",\"audience\":\"billing\"}")
        -> Answer
    {
        world.send(Ask("POST", "/refresh").sameOrigin.cookies(cookies).json(json))
    }

    private func audience(_ token: String?) -> String? {
        world.verify(token ?? "").claims["aud"] as? String
    }

    @Test func `the content has a token for the audience, and the cookies are for the gateway`() {
        let answer = world.send(World.cookieLogin("alice", Self.billing))
        let jar = Jar(answer)
        let token = answer.string("access_token")
        #expect(answer.status == 200 && jar.lines.count == 3 && answer.string("token_type") == "Cookie")
        #expect(audience(token) == "billing" && audience(jar.value("access")) == "api")
        let (own, gateway) = (world.verify(token ?? "").claims, world.verify(jar.value("access")).claims)
        for name in ["sub", "sid", "iat", "exp", "scope", "client_id", "auth_time", "team"] {
            #expect("\(own[name] ?? "-")" == "\(gateway[name] ?? "-")", "\(name)")
        }
        #expect(own["roles"] as? [String] == ["admin", "ops"] && own["amr"] as? [String] == ["pwd"])
        #expect(own["jti"] as? String != gateway["jti"] as? String)
        #expect(!answer.text.contains(jar.value("refresh")) && !answer.text.contains(jar.value("access")))
    }

    @Test func `a refresh gives another one, a replay the same, and a plain refresh none`() {
        let jar = world.jar("alice", Self.billing)
        world.clock.advance(60)
        let first = refresh(jar.atRefresh)
        #expect(first.status == 200 && audience(first.string("access_token")) == "billing")
        #expect(audience(Jar(first).value("access")) == "api" && !first.text.contains(Jar(first).value("refresh")))
        let again = refresh(jar.atRefresh)
        #expect(again["refresh-outcome"] == "replayed" && again.body == first.body)
        // Another tab that needs no token gets the same cookies.
        let plain = world.send(Ask("POST", "/refresh").sameOrigin.cookies(jar.atRefresh))
        #expect(plain.status == 200 && plain.json["access_token"] == nil && Jar(plain).lines == Jar(first).lines)
        #expect(refresh(jar.atRefresh, "{\"mode\":\"cookie\"}").json["access_token"] == nil)
    }

    @Test func `such a token ends with its session`() {
        let answer = world.send(World.cookieLogin("alice", Self.billing))
        let token = answer.string("access_token") ?? ""
        #expect(world.verify(token).status == 200)
        #expect(world.send(Ask("POST", "/logout").sameOrigin.cookies(Jar(answer).atRoot)).status == 204)
        #expect(world.verify(token).code == "session_revoked")
    }

    @Test(arguments: ["", ",\"audience\":\"api\"", ",\"audience\":\"moon\"", ",\"audience\":\"\""])
    func `it must be for an audience other than the gateway's`(_ audience: String) {
        let login = world.send(World.cookieLogin("alice", ",\"mode\":\"access\"\(audience)"))
        #expect(login.status == 400 && login.code == "audience_invalid" && Jar(login).lines.isEmpty)
        let jar = world.jar()
        let answer = refresh(jar.atRefresh, "{\"mode\":\"access\"\(audience)}")
        #expect(answer.status == 400 && answer.code == "audience_invalid" && Jar(answer).lines.isEmpty)
        #expect(refresh(jar.atRefresh)["refresh-outcome"] == "rotated")
    }

    @Test func `the setting must allow it`() throws {
        let world = try World()
        let login = world.send(World.cookieLogin("alice", Self.billing))
        #expect(login.code == "request_malformed" && login.string("detail")?.contains("MARTLET_BROWSER_TOKENS") == true)
        let ask = Ask("POST", "/refresh").sameOrigin.cookies(world.jar().atRefresh)
        #expect(world.send(ask.json("{\"mode\":\"access\",\"audience\":\"billing\"}")).code == "request_malformed")
    }

    @Test func `a client, a token in the content and another mode are mistakes`() {
        let secret = World.encoded(World.secret)
        let json = "{\"username\":\"alice\",\"password\":\"\(World.password)\"\(Self.billing)}"
        let client = Ask("POST", "/login").json(json).sameOrigin.from(World.near).basic("shop", secret)
        #expect(world.send(client).code == "request_malformed")
        for mode in ["access", "cookie", "body", "x"] {
            let refresh = "{\"refresh_token\":\"\(world.pair().refresh)\",\"mode\":\"\(mode)\"}"
            #expect(world.send(Ask("POST", "/refresh").json(refresh)).code == "request_malformed")
        }
        #expect(refresh(world.jar().atRefresh, "{\"mode\":\"body\"}").code == "request_malformed")
        let foreign = world.send(
            World.cookieLogin("alice", Self.billing).with("Origin", "https://evil.example").with(
                "Sec-Fetch-Site", "cross-site"))
        #expect(foreign.status == 403 && !foreign.text.contains("eyJ"))
    }
}
