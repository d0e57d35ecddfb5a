import Foundation
import HTTP
import Platform
import Telemetry
import Testing
import Tokens

@Suite("GET /admin/status")
struct StatusTests {
    let world: World

    init() throws { world = try World() }

    private func get(from peer: PeerAddress = .local) -> Answer {
        world.send(Ask("GET", "/admin/status", role: .operator).from(peer))
    }

    @Test func `over TCP the path does not exist`() {
        #expect(get(from: .ipv4(0x7f00_0001)).code == "not_found")
        #expect(world.send(Ask("GET", "/admin/status").from(.local)).code == "not_found")
        #expect(world.send(Ask("POST", "/admin/status", role: .operator).from(.local)).status == 405)
    }

    @Test func `tells of the process, the journal and the accounts`() throws {
        let before = world.order("{\"all\":true}").seq
        let answer = get()
        #expect(answer.status == 200 && answer["cache-control"] == "no-store")
        #expect(answer.string("version") == "1.2.3" && answer.json["pid"] as? Int == 42)
        #expect(
            answer.string("started") == "2027-01-15T08:00:00.000Z" && answer.string("now") == "2027-01-15T08:00:00.000Z"
        )
        #expect(answer.string("status") == "ready" && answer.json["reasons"] as? [String] == [])
        #expect(answer.string("issuer") == World.issuer)
        #expect(answer.json["audiences"] as? [String] == ["api", "billing", "shared"])
        let journal = try #require(answer.json["journal"] as? [String: Any])
        #expect(journal["seq"] as? Int == before.map { Int($0) } && journal["writable"] as? Bool == true)
        #expect(answer.json["users"] as? Int == world.authState.users.current.users.count)
        #expect(answer.json["clients"] as? Int == world.authState.clients.current.clients.count)
        #expect(answer.json["sessions"] is NSNull)
        #expect(answer.json["paths"] as? [String: String] == ["keys": "/k"])
    }

    @Test func `names each key with its state, and a revoked one`() throws {
        #expect(world.order("{\"kid\":\"\(World.hs256.kid)\"}").status == 200)
        let keys = try #require(get().json["keys"] as? [[String: Any]])
        #expect(keys.compactMap { $0["kid"] as? String } == [World.rs256, World.hs256, World.refresh].map(\.kid))
        #expect(keys.compactMap { $0["alg"] as? String } == ["RS256", "HS256", "HS256"])
        #expect(keys.compactMap { $0["purpose"] as? String } == ["access", "access", "refresh"])
        #expect(keys.compactMap { $0["state"] as? String } == ["signing", "signing", "signing"])
        #expect(keys.compactMap { $0["compromised"] as? Bool } == [false, false, false])
        #expect(keys.compactMap { $0["revoked"] as? Bool } == [false, true, false])
    }

    @Test func `a failed reload keeps the time of the last success and tells why`() throws {
        world.reloads.succeeded(.users, at: World.start)
        world.reloads.failed(.users, at: World.start.adding(milliseconds: 1), reason: "users.json: line 1")
        let reloads = try #require(get().json["reloads"] as? [String: [String: Any]])
        #expect(reloads.keys.sorted() == ["users"])
        let users = try #require(reloads["users"])
        #expect(users["ok"] as? Bool == false && users["reason"] as? String == "users.json: line 1")
        #expect(users["last_success"] as? String == "2027-01-15T08:00:00.000Z")
        #expect(users["last_attempt"] as? String == "2027-01-15T08:00:00.001Z")
        world.reloads.succeeded(.users, at: World.start.adding(milliseconds: 2))
        #expect(world.reloads[.users]?.isCurrent == true && world.reloads.failures.isEmpty)
    }

    @Test func `holds no secret`() {
        for secret in [World.secret, World.password, "alice", "bob"] { #expect(!get().text.contains(secret)) }
    }
}
