import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import Testing

/// With real threads and clocks; everything else is tested in steps.
@Suite("The threads of a node over an engine", .timeLimit(.minutes(1)))
struct ThreadsTests {
    private static let wall = WallClock { UnixMilliseconds(Int64(Date().timeIntervalSince1970 * 1_000)) }

    private final class Node {
        let path = NSTemporaryDirectory() + "store-threads-" + Foundation.UUID().uuidString
        let status: StoreStatus
        let store: RevocationStore

        init(_ name: String, _ world: ModelWorld, timeout: Int64 = 1_000) throws {
            let now: @Sendable () -> Int64 = { StoreDeadline.now }
            status = StoreStatus(
                name: "model", node: name,
                knowledge: KnowledgeAge(rule: .init(ageMax: nil, rejectsStale: false), clock: now))
            let numbers = Numbers()
            for _ in 0..<name.utf8.reduce(0, { $0 + Int($1) }) { _ = numbers.next() }
            var options = StoreOptions(
                node: StoreNode(name: name, version: "1", settingsHash: "s", keyHash: { "k" }),
                clock: ThreadsTests.wall, monotonicNow: now, random: { numbers.next() })
            options.timeout = timeout
            let source = StoreLedgerSource(engines: world, directory: path, status: status, options: options)
            store = try RevocationStore.open(
                RevocationOptions(
                    ledger: source, grace: 10_000, sessionMax: 90 * 86_400_000, clock: ThreadsTests.wall,
                    monotonicNow: now, random: { numbers.next() }))
        }

        deinit {
            store.close()
            try? FileManager.default.removeItem(atPath: path)
        }

        func rotate(_ sid: Encoding.UUID, _ generation: UInt32) -> RotationOutcome {
            let answers = Answers<RotationOutcome>()
            let request = RotationRequest(
                sid: sid, generation: generation, request: 1,
                sessionEnd: ThreadsTests.wall.now.adding(milliseconds: 1_000_000_000))
            store.rotate(request, subject: [1], client: [2], kid: [3]) { answers.take($0) }
            return answers.wait()[0]
        }
    }

    private func sid() -> Encoding.UUID {
        Encoding.UUID(high: UUID.version7High(milliseconds: Self.wall.now), low: .random(in: 1 ... .max))
    }

    @Test func `one of many uses on three nodes wins, and all get the same response`() throws {
        let world = ModelWorld(Self.wall)
        let nodes = try ["a", "b", "c"].map { try Node($0, world) }
        for _ in 0..<20 {
            let sid = sid()
            let answers = Answers<RotationOutcome>()
            for index in 0..<64 {
                let request = RotationRequest(
                    sid: sid, generation: 0, request: 1,
                    sessionEnd: Self.wall.now.adding(milliseconds: 1_000_000_000))
                nodes[index % 3].store.rotate(request, subject: [1], client: [2], kid: [3]) { answers.take($0) }
            }
            let outcomes = answers.wait(for: 64)
            var (winners, times) = (0, Set<UnixMilliseconds>())
            for outcome in outcomes {
                switch outcome {
                case .rotated(1, let at, _): (winners, _) = (winners + 1, times.insert(at))
                case .replayed(1, let at, _): times.insert(at)
                default: Issue.record("\(outcome)")
                }
            }
            #expect(winners == 1 && times.count == 1)
        }
    }

    @Test func `a node heals without a restart, and callers wait no longer than the timeout`() throws {
        let world = ModelWorld(Self.wall)
        let node = try Node("a", world, timeout: 300)
        let sid = sid()
        #expect(node.rotate(sid, 0) != .denied(.session))
        world.stop()
        let began = StoreDeadline.now
        guard case .unavailable = node.rotate(sid, 1) else { return #expect(Bool(false)) }
        #expect(StoreDeadline.now - began < 600)
        world.start()
        for _ in 0..<600 where !node.store.takesEverything { Foundation.Thread.sleep(forTimeInterval: 0.01) }
        guard case .rotated(2, _, _) = node.rotate(sid, 1) else { return #expect(Bool(false)) }
        #expect(node.status.knowledge.age ?? .max < 1_000)
    }

    @Test func `everybody is answered while the threads of the engine hang`() throws {
        let world = ModelWorld(Self.wall)
        let node = try Node("a", world, timeout: 300)
        let ended = sid()
        _ = node.rotate(ended, 0)
        // A connection is tried until every caller has its answer.
        world.hang(true)
        defer { world.hang(false) }
        world.stop()
        for isRevocation in [false, true, false, true] {
            if isRevocation {
                let answers = Answers<Result<LedgerPosition, RevocationError>>()
                node.store.revokeSession(ended, expiresAt: Self.wall.now.adding(milliseconds: 1_000_000_000)) {
                    answers.take($0)
                }
                guard case .failure(.unavailable) = answers.wait()[0] else { return #expect(Bool(false)) }
            } else {
                guard case .unavailable = node.rotate(sid(), 0) else { return #expect(Bool(false)) }
            }
        }
        #expect(node.status.figures.unsentRevocations > 0)
        world.start()
        world.hang(false)
        for _ in 0..<2_000 where !world.isRevoked(ended) { Foundation.Thread.sleep(forTimeInterval: 0.01) }
        #expect(world.isRevoked(ended))
    }

    @Test func `the ledger ends while requests come in, and each gets an answer`() throws {
        let world = ModelWorld(Self.wall)
        let node = try Node("a", world)
        let answers = Answers<RotationOutcome>()
        for _ in 0..<500 {
            let request = RotationRequest(
                sid: sid(), generation: 0, request: 1, sessionEnd: Self.wall.now.adding(milliseconds: 1_000_000_000))
            node.store.rotate(request, subject: [1], client: [2], kid: [3]) { answers.take($0) }
        }
        node.store.close()
        #expect(answers.wait(for: 500).count == 500)
    }
}
