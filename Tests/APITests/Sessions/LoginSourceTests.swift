import Accounts
import HTTP
import Testing

@Suite("For whom a login is counted")
struct LoginSourceTests {
    let world: World

    init() throws {
        world = try World(
            account: .off, source: .init(failureCountMax: 2, refillMilliseconds: 3_600_000))
    }

    private func guess(_ source: String? = nil, client: String? = "shop", name: String = "alice") -> Ask {
        var form = "username=\(name)&password=wrong"
        if let source { form += "&source=\(source)" }
        let ask = Ask("POST", "/login").form(form)
        return client.map { ask.basic($0, World.encoded(World.secret)) } ?? ask
    }

    private func statuses(_ ask: Ask, times: Int = 4) -> [UInt16] { (0..<times).map { _ in world.send(ask).status } }

    @Test func `a backend's users do not share the backend's address`() {
        #expect(statuses(guess()) == [401, 401, 401, 401])
        #expect(statuses(guess(client: nil)) == [401, 401, 429, 429])
    }

    @Test func `each end user that a client names is limited by address`() {
        #expect(statuses(guess("203.0.113.7")) == [401, 401, 429, 429])
        #expect(statuses(guess("203.0.113.8")) == [401, 401, 429, 429])
        // One customer's IPv6 addresses are one.
        #expect(statuses(guess("2001:db8::1"), times: 2) == [401, 401])
        #expect(statuses(guess("2001:db8::2"), times: 1) == [429])
        #expect(statuses(guess(), times: 1) == [401])
    }

    @Test(arguments: ["localhost", "203.0.113", "203.0.113.7:80", "%5B::1%5D", "1%202", "fe80::1%25eth0"])
    func `what is no address is refused`(_ source: String) {
        let answer = world.send(guess(source))
        #expect(answer.status == 400 && answer.code == "request_malformed")
    }

    @Test func `only an authenticated client may say for whom it asks`() {
        let answer = world.send(guess("203.0.113.7", client: nil))
        #expect(answer.status == 400 && answer.code == "request_malformed")
        let named = world.send(
            Ask("POST", "/login").form("username=alice&password=wrong&source=203.0.113.7&client_id=first-party"))
        #expect(named.status == 400 && named.code == "request_malformed")
    }

    @Test func `a password typed into the name's field is not logged`() {
        let secret = "tr0ub4dor and a staple"
        for client in ["shop", nil] {
            _ = world.send(guess(client: client, name: secret.replacing(" ", with: "+")))
        }
        _ = world.send(guess(client: nil, name: "alice"))
        #expect(world.send(guess(client: nil, name: secret.replacing(" ", with: "+"))).status == 429)
        #expect(!world.log.all.contains { $0.contains("tr0ub4dor") || $0.contains("wrong") })
        let lines = world.log.events("login_refused")
        #expect(lines.count == 4)
        let digests = lines.compactMap { $0["unknown_username"] as? String }
        #expect(digests.count == 3 && Set(digests).count == 1 && digests[0].utf8.count == 16)
        #expect(lines.compactMap { $0["username"] as? String } == ["alice"])
        #expect(lines.compactMap { $0["client_id"] as? String } == ["shop"])
    }

    @Test func `a forwarding field from a peer that is not trusted is told of once a minute`() throws {
        func notices() -> [[String: Any]] { world.log.events("forwarding_field_ignored") }
        var plain = guess(client: nil)
        _ = world.send(plain)
        #expect(notices().isEmpty)
        plain = plain.with("X-Forwarded-For", "203.0.113.9")
        for _ in 0..<3 { _ = world.send(plain) }
        #expect(notices().count == 1)
        let told = try #require(notices().first)
        #expect(told["field"] as? String == "x-forwarded-for" && told["source"] as? String == "192.0.2.1")
        #expect((told["remedy"] as? String)?.contains("MARTLET_TRUSTED_PROXIES") == true)
        #expect(!world.log.all.contains { $0.contains("203.0.113.9") })
        world.clock.advance(60)
        _ = world.send(Ask("GET", "/healthz").with("Forwarded", "for=203.0.113.9"))
        #expect(notices().last?["field"] as? String == "forwarded" && notices().last?["count"] as? Int == 3)
        world.clock.advance(60)
        _ = world.send(plain.relayed())
        var later = Ask("GET", "/verify").with("X-Forwarded-For", "203.0.113.9")
        later.isFirst = false
        _ = world.send(later)
        #expect(notices().count == 2)
    }
}
