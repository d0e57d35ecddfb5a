import Foundation
import Testing

@Suite("Log lines: M1, M2, M3")
struct LogTests {
    let world: World

    init() throws { world = try World() }

    @Test func `what matters is told with its time, its source and its subject (M2)`() throws {
        let pair = world.pair()
        let next = World.Pair(world.refresh(pair.refresh))
        world.clock.advance(11)
        #expect(world.refresh(pair.refresh).status == 401)
        #expect(world.revoke(next.access).status == 200)
        #expect(world.send(World.login(password: "wrong")).status == 401)
        let wanted: KeyValuePairs = [
            "login_succeeded": "username", "refresh_rotated": "sub", "refresh_reused": "sub", "revoked": "jti",
            "login_refused": "username", "request_refused": "code",
        ]
        for (event, member) in wanted {
            let line = try #require(world.log.events(event).first, "\(event)")
            #expect(line["source"] as? String == "192.0.2.1", "\(event)")
            #expect((line["time"] as? String)?.wholeMatch(of: /2027-01-15T08:00:\d\d\.\d\d\dZ/) != nil)
            #expect((line["request_id"] as? String)?.wholeMatch(of: /[0-9a-f]{20}/) != nil)
            #expect(line[member] is String, "\(event)")
        }
        #expect(world.log.events("login_succeeded").first?["sid"] as? String == pair.sid)
    }

    @Test(arguments: [
        "a\nb", "a\r\n{\"level\":\"error\"}", "\u{1b}[31mred", "\u{7f}\u{85}\u{2028}\"\\", "a\u{0}b", "\u{202e}abc",
    ])
    func `text of a stranger begins no second line, and no escape sequence (M3)`(_ name: String) throws {
        #expect(world.send(World.login(name)).status == 401)
        let lines = world.log.all
        #expect(lines.count == 2)
        for line in lines {
            #expect(line.hasSuffix("}\n") && line.utf8.dropLast().allSatisfy { $0 >= 0x20 })
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil)
        }
        // A name that no account has may be a password, so it is not there at all.
        #expect(world.log.events("login_refused").first?["username"] == nil)
    }

    @Test func `a token of another issuer is told with both names`() throws {
        let token = Forged.access(["iss": "\"https://old.example\""])
        #expect(world.send(Ask("GET", "/verify").bearer(token)).status == 401)
        let line = try #require(world.log.events("request_refused").first)
        #expect(
            line["reason"] as? String
                == "the token's issuer is https://old.example, and MARTLET_ISSUER is \(World.issuer)")
    }

    @Test func `no token, password, secret or header value is in any line (M1)`() {
        let pair = world.pair(of: "shop")
        let next = World.Pair(
            world.send(
                Ask("POST", "/refresh").form(["refresh_token": pair.refresh]).basic("shop", World.encoded(World.secret))
            ))
        let asks = [
            Ask("GET", "/verify").bearer(next.access), Ask("GET", "/verify").bearer(next.access + "x"),
            Ask("GET", "/verify?access_token=\(next.access)"), Ask("POST", "/introspect").form(["token": next.access]),
            Ask("POST", "/revoke").form(["token": next.access]).basic("shop", "wr0ng"),
            Ask("POST", "/logout").form(["refresh_token": next.refresh]),
            Ask("POST", "/login").json("{\"username\":\"alice\",\"password\":\"\(World.password)\",}"),
            Ask("GET", "/" + next.access), Ask("GET", "/auth").with("Cookie", "session=c00kie"),
        ]
        for ask in asks { _ = world.send(ask) }
        let log = world.log.all.joined()
        let secrets = [
            pair.access, pair.refresh, next.access, next.refresh, World.password, World.secret,
            World.encoded(World.secret),
            World.hash, "wr0ng", "c00kie", String(next.access.suffix(40)), String(next.refresh.suffix(40)),
        ]
        for secret in secrets { #expect(!log.contains(secret)) }
        #expect(log.contains(pair.sid) && log.contains("token_in_url"))
    }

    @Test func `request ids are all different`() {
        let ids = (0..<50).compactMap { _ in world.verify("x").string("request_id") }
        #expect(Set(ids).count == 50)
    }
}
