import Foundation
import HTTP
import Testing

/// `min_seq` where other processes record revocations too.
@Suite("A request that names a position")
struct WaitingTests {
    private let world: World
    private let pair: World.Pair

    init() throws {
        world = try World(isShared: true)
        pair = world.pair()
    }

    /// Each request that takes `min_seq`, with the position left out.
    private static let asks: [(name: String, ask: @Sendable (World.Pair, String) -> Ask)] = [
        ("verify, query", { Ask("GET", "/verify?min_seq=\($1)").bearer($0.access) }),
        ("verify, content", { Ask("POST", "/verify").json("{\"token\":\"\($0.access)\",\"min_seq\":\"\($1)\"}") }),
        ("batch", { Ask("POST", "/verify/batch").json("{\"tokens\":[\"\($0.access)\"],\"min_seq\":\"\($1)\"}") }),
        ("auth", { Ask("POST", "/auth?min_seq=\($1)").bearer($0.access) }),
        (
            "introspect",
            { Ask("POST", "/introspect").form(["token": $0.access, "min_seq": $1]).basic("shop", World.encodedSecret) }
        ),
        ("login", { Ask("POST", "/login").form(["username": "bob", "password": World.password, "min_seq": $1]) }),
        ("refresh", { Ask("POST", "/refresh").form(["refresh_token": $0.refresh, "min_seq": $1]) }),
        (
            "token",
            {
                Ask("POST", "/token").form(["grant_type": "refresh_token", "refresh_token": $0.refresh, "min_seq": $1])
            }
        ),
    ]

    @Test(arguments: asks.indices)
    func `is answered as soon as the record arrives`(_ index: Int) throws {
        let (name, ask) = Self.asks[index]
        let before = try #require(world.revoke(world.pair().access).revocationSeq)
        let answer = world.start(ask(pair, "1:\(before + 1)"))
        #expect(world.revoke(world.pair().access).revocationSeq.map { $0 > before } == true)
        let found = answer()
        #expect(found.status == 200, "\(name): \(String(decoding: found.body, as: UTF8.self))")
    }

    @Test(arguments: asks.indices)
    func `gets 503 after a quarter of a second if the record does not arrive, and has had no effect`(_ index: Int)
        throws
    {
        let began = ContinuousClock.now
        let answer = world.send(Self.asks[index].ask(pair, "1:4000000000"))
        #expect(answer.status == 503 && answer.code == "sequence_not_reached" && answer["retry-after"] == "1")
        #expect(ContinuousClock.now - began > .milliseconds(150))
        #expect(world.verify(pair.access).status == 200 && world.refresh(pair.refresh).status == 200)
    }

    @Test func `is answered at once if the epoch is unknown`() {
        let began = ContinuousClock.now
        #expect(world.send(Ask("GET", "/verify?min_seq=7:1").bearer(pair.access)).code == "sequence_unknown")
        #expect(ContinuousClock.now - began < .milliseconds(150))
    }
}
