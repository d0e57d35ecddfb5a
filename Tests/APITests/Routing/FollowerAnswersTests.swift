import API
import HTTP
import Platform
import Revocation
import Synchronization
import Testing

extension FollowedFeed {
    /// Of a server that never reached its source.
    static var neverRead: FollowedFeed {
        FollowedFeed(home: "https://auth.example", rule: Rule(ageMax: 60_000, rejectsStale: false)) { 0 }
    }
}

extension Refusal {
    static let ofStale: [Refusal] = [
        Refusal(.verify, .stale) { $0.send(Ask("GET", "/verify").bearer("a")) },
        Refusal(.verifyBatch, .stale) { $0.send(Ask("POST", "/verify/batch").json("{\"tokens\":[\"a\"]}")) },
        Refusal(.auth, .stale) { $0.send(Ask("GET", "/auth").bearer("a")) },
        Refusal(.revocations, .stale) { $0.send(Ask("GET", "/revocations").bearer("a")) },
        Refusal(.snapshot, .stale) { $0.send(Ask("GET", "/revocations/snapshot").bearer("a")) },
        Refusal(.session, .stale) { $0.send(Ask("GET", "/session").bearer("a")) },
    ]
}

@Suite("What a server answers that follows another one")
struct FollowerAnswersTests {
    private final class Clock: Sendable {
        let now = Mutex<Int64>(1_000)
    }

    private let clock = Clock()

    private func feed(ageMax: Int64? = 60_000, rejectsStale: Bool = false) -> FollowedFeed {
        FollowedFeed(
            home: "https://auth.example", rule: FollowedFeed.Rule(ageMax: ageMax, rejectsStale: rejectsStale)
        ) { [clock] in clock.now.withLock { $0 } }
    }

    /// A follower that knew everything at 1 second.
    private func follower(_ feed: FollowedFeed) throws -> World {
        feed.advance(to: LedgerPosition(epoch: 1, seq: 7), asOf: 1_000)
        return try World(followed: feed)
    }

    /// Paths that a follower answers itself; every other one must say where to ask, so that a new endpoint does too.
    private static let own: Set = [
        "/verify", "/verify/batch", "/auth", "/session", "/pages/{sheet}", "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/openapi.yaml", "/martlet.js",
        "/healthz", "/livez", "/readyz", "/metrics", "/admin/status", "/revocations",
        "/revocations/snapshot",
    ]

    @Test(arguments: RouteTable.standard.routes)
    func `an endpoint that needs the journal says where to ask`(_ route: Route) throws {
        let world = try follower(feed())
        let method = route.methods.map { $0.contains(.get) ? "GET" : $0.contains(.delete) ? "DELETE" : "POST" } ?? "GET"
        let path = "\(route.path)".replacing("{sid}", with: "\(World.alice)").replacing("{sheet}", with: "a.css")
        let answer = world.send(Ask(method, path, role: route.listener).from(.local))
        guard !Self.own.contains("\(route.path)") else {
            #expect(answer.status != 421)
            return
        }
        #expect(answer.status == 421)
        guard !answer.isPage else { return }
        #expect(answer.code == "not_here" && answer.string("detail") == "Ask https://auth.example.")
    }

    @Test func `a token is judged by revocations alone, and the answer says their age`() throws {
        let world = try follower(feed())
        let token = try World().pair().access
        clock.now.withLock { $0 = 1_412 }
        // It knows no users.
        world.authState.users.replace(with: .init())
        let answer = world.send(Ask("GET", "/verify").bearer(token))
        #expect(answer.status == 200 && answer["revocation-age"] == "0.412")
        #expect(world.send(Ask("GET", "/auth").bearer(token))["revocation-age"] == "0.412")
        #expect(world.send(Ask("GET", "/auth").bearer("x"))["revocation-age"] == "0.412")
        #expect(world.send(Ask("GET", "/healthz"))["revocation-age"] == nil)
    }

    @Test func `a caller can limit the age`() throws {
        let world = try follower(feed())
        let token = try World().pair().access
        clock.now.withLock { $0 = 6_000 }
        #expect(world.send(Ask("GET", "/verify?max_age_of_revocations=5").bearer(token)).status == 200)
        clock.now.withLock { $0 = 6_001 }
        let answer = world.send(Ask("GET", "/verify?max_age_of_revocations=5").bearer(token))
        #expect(answer.status == 503 && answer.code == "stale" && answer["revocation-age"] == "5.001")
        #expect(world.send(Ask("GET", "/auth?max_age_of_revocations=5").bearer(token)).code == "stale")
        let most = Int64.max
        #expect(world.send(Ask("GET", "/verify?max_age_of_revocations=\(most)").bearer(token)).status == 200)
        #expect(try World().send(Ask("GET", "/verify?max_age_of_revocations=0").bearer(token)).status != 503)
    }

    @Test(arguments: [false, true])
    func `a stale follower does what the operator chose`(_ rejects: Bool) throws {
        let world = try follower(feed(rejectsStale: rejects))
        let token = try World().pair().access
        func readiness() -> Answer { world.send(Ask("GET", "/readyz", role: .operator)) }
        clock.now.withLock { $0 = 61_000 }
        #expect(readiness().status == 200 && world.send(Ask("GET", "/verify").bearer(token)).status == 200)
        clock.now.withLock { $0 = 61_001 }
        #expect(readiness().status == 503)
        #expect(world.send(Ask("GET", "/verify").bearer(token)).status == (rejects ? 503 : 200))
    }

    @Test func `an age is written in seconds with three decimals`() throws {
        let world = try follower(feed(ageMax: nil))
        for (now, text) in [(1_000, "0.000"), (1_001, "0.001"), (900, "0.000"), (3_601_000, "3600.000")]
            as [(Int64, String)]
        {
            clock.now.withLock { $0 = now }
            #expect(world.send(Ask("GET", "/auth").bearer("x"))["revocation-age"] == text)
        }
    }
}
