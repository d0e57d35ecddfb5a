import Foundation
import Platform
import Synchronization
import Testing

@Suite("The operator's listener: M4, M5")
struct OperatorTests {
    let world: World

    init() throws { world = try World() }

    private func get(_ path: String) -> Answer { world.send(Ask("GET", path, role: .operator)) }

    @Test func `livez and readyz say that all is well`() {
        #expect(get("/livez").status == 200 && get("/livez").text == "{\"status\":\"live\"}")
        let ready = get("/readyz")
        #expect(
            ready.status == 200 && ready.string("status") == "ready"
                && (ready.json["reasons"] as? [Any])?.isEmpty == true)
        #expect(ready["cache-control"] == "no-store" && ready["retry-after"] == nil)
    }

    @Test func `readyz names what stands in the way`() {
        world.connections.isDraining.store(true, ordering: .relaxed)
        let token = world.pair().access
        world.journal.breakDown()
        #expect(world.revoke(token).status == 503)
        let answer = get("/readyz")
        #expect(answer.status == 503 && answer.string("status") == "not_ready" && answer["retry-after"] != nil)
        #expect(
            answer.json["reasons"] as? [String] == [
                "journal_unwritable", "journal_disk_full", "draining",
            ])
        #expect(get("/livez").status == 200 && world.send(Ask("GET", "/healthz")).status == 200)
    }

    @Test func `readyz says when nothing signs what the settings or a client ask for`() throws {
        try world.loseSigner()
        #expect(get("/readyz").status == 503)
        #expect(get("/readyz").json["reasons"] as? [String] == ["signing_unavailable"])
    }

    @Test func `a failed reload is reported as degraded, and the service stays ready`() {
        world.reloads.succeeded(.users, at: World.start)
        world.reloads.failed(
            .users, at: World.start.adding(milliseconds: 5_000), reason: "users.json: expected an object")
        world.reloads.succeeded(.keys, at: World.start)
        let answer = get("/readyz")
        #expect(answer.status == 200 && answer.string("status") == "ready" && answer["retry-after"] == nil)
        #expect((answer.json["reasons"] as? [Any])?.isEmpty == true)
        #expect(answer.json["degraded"] as? [String] == ["users_reload_failed"])
        let page = get("/metrics").text
        #expect(page.contains("\nmartlet_reload_last_success{source=\"users\"} 0\n"))
        #expect(page.contains("\nmartlet_reload_last_success{source=\"keys\"} 1\n"))
        #expect(page.contains("\nmartlet_reload_last_success_timestamp_seconds{source=\"users\"} 1800000000.0\n"))
        #expect(page.contains("\nmartlet_build_info{version=\"1.2.3\"} 1\n"))
    }

    @Test func `with a broken journal nothing is promised, and verify goes on (H15)`() {
        let (one, two) = (world.pair(), world.pair())
        world.journal.breakDown()
        #expect(world.revoke(one.access).status == 503)
        #expect(world.refresh(two.refresh).status == 503)
        #expect(world.send(World.login()).status == 503)
        #expect(world.order("{\"sid\":\"\(one.sid)\"}").status == 503)
        #expect(world.verify(two.access).status == 200)
        #expect(world.verify(one.access).status == 401)
        #expect(get("/metrics").text.contains("\nmartlet_journal_writable 0\n"))
    }

    @Test func `an order ends a token, a session, a client, a key, or all (G14)`() throws {
        let pair = world.pair()
        let jti = try #require(world.verify(pair.access).claims["jti"] as? String)
        let answer = world.order("{\"jti\":\"\(jti)\",\"expires_at\":\(world.clock.seconds + 600)}")
        #expect(answer.status == 200 && answer["content-type"] == "application/json")
        #expect(answer.string("seq") == answer["revocation-seq"] && answer.seq != nil)
        #expect(world.verify(pair.access).code == "token_revoked")
        #expect(world.refresh(pair.refresh).status == 200)
        let log = world.log.events("revoked")
        #expect(log.last?["source"] as? String == "local" && (log.last?["order"] as? String)?.contains(jti) == true)
        #expect(world.order("{\"all\":true}").status == 200)
        #expect(world.verify(world.pair().access).status == 200)
    }

    @Test func `metrics are Prometheus text that counts what happened`() throws {
        let token = world.pair().access
        #expect(world.verify(token).status == 200 && world.verify("x").status == 401)
        let pair = world.pair("bob")
        #expect(world.refresh(pair.refresh).status == 200 && world.refresh(pair.refresh).status == 200)
        #expect(world.send(World.login("bob", password: "no")).status == 401)
        #expect(world.revoke(token).status == 200)
        let answer = get("/metrics")
        #expect(answer.status == 200 && answer["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let samples = try Samples(answer.text)
        #expect(samples["martlet_requests_total{route=\"/verify\",status=\"200\"}"] == 1)
        #expect(samples["martlet_requests_total{route=\"/verify\",status=\"401\"}"] == 1)
        #expect(samples["martlet_logins_total{result=\"succeeded\"}"] == 2)
        #expect(samples["martlet_logins_total{result=\"refused\"}"] == 1)
        #expect(samples["martlet_refreshes_total{outcome=\"rotated\"}"] == 1)
        #expect(samples["martlet_refreshes_total{outcome=\"replayed\"}"] == 1)
        #expect(samples["martlet_revocations_total{kind=\"token\"}"] == 1)
        #expect(samples["martlet_denylist_entries{kind=\"token\"}"] == 1 && samples["martlet_rotated_sessions"] == 1)
        #expect(
            samples["martlet_journal_writable"] == 1 && samples["martlet_request_seconds_count{route=\"/verify\"}"] == 2
        )
        for secret in [token, pair.sid, "alice", "bob", World.secret, "\(World.alice)"] {
            #expect(!answer.text.contains(secret))
        }
    }
}

/// Prometheus text, format 0.0.4, read strictly.
struct Samples {
    private var values: [String: Double] = [:]

    subscript(name: String) -> Double? { values[name] }

    init(_ text: String) throws {
        #expect(text.hasSuffix("\n"))
        var kinds: [String: String] = [:]
        var below: [String: Double] = [:]
        for line in text.split(separator: "\n") {
            if let help = line.wholeMatch(of: /# HELP ([a-z_]+) .+/) {
                #expect(kinds[String(help.output.1)] == nil, "\(line)")
                continue
            }
            if let type = line.wholeMatch(of: /# TYPE ([a-z_]+) (counter|gauge|histogram)/) {
                #expect(kinds.updateValue(String(type.output.2), forKey: String(type.output.1)) == nil, "\(line)")
                continue
            }
            let sample = try #require(
                line.wholeMatch(of: /(([a-z_]+?)(_bucket|_sum|_count)?(\{([a-z_]+="[^"\\]*",?)+\})?) (\S+)/), "\(line)")
            let value = try #require(Double(sample.output.6), "\(line)")
            let family = String(sample.output.2)
            let kind = try #require(kinds[family] ?? kinds[family + (sample.output.3 ?? "")], "\(line)")
            #expect(kind != "counter" || value >= 0)
            #expect(values.updateValue(value, forKey: String(sample.output.1)) == nil, "twice: \(line)")
            guard sample.output.3 == "_bucket", let route = line.firstMatch(of: /route="([^"]*)"/) else { continue }
            // A histogram's buckets are cumulated, and +Inf is the last.
            #expect(value >= below[String(route.output.1), default: 0], "\(line)")
            below[String(route.output.1)] = value
        }
        for (route, value) in below {
            #expect(values["martlet_request_seconds_count{route=\"\(route)\"}"] == value)
        }
    }
}
