import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store
import StoreTestSupport
import Testing

@Suite("While the engine is away")
struct AwayTests {
    let clock = TestClock()
    let world: ModelWorld
    let a: TestNode

    init() throws {
        world = ModelWorld(clock.clock)
        a = TestNode("a", world, clock)
        try a.start()
    }

    private func isUnavailable(_ outcome: RotationOutcome?) -> Bool {
        if case .unavailable(.unavailable) = outcome { return true }
        return false
    }

    @Test func `everything that records fails at once, and goes on afterwards`() throws {
        let sid = try #require(a.login())
        world.stop()
        for _ in 0..<3 {
            clock.pass(1_000)
            a.step()
        }
        let before = clock.monotonic
        #expect(isUnavailable(a.rotate(sid, 0)))
        #expect(a.login() == nil)
        #expect(clock.monotonic - before < 100)
        #expect(a.status.holds(.unavailable) && !a.store.isWritable)
        world.start()
        clock.pass(2_100)
        a.step()
        #expect(a.status.conditions.isEmpty)
        guard case .rotated(1, _, _) = a.rotate(sid, 0) else { return #expect(Bool(false)) }
        // The connection that records, and the one that reads.
        #expect(a.status.figures.reconnects == 2)
    }

    @Test func `a step waits for a connection that was lost a moment ago, as long as for an answer`() throws {
        let sid = try #require(a.login())
        for isBack in [true, false] {
            world.stop()
            clock.pass(1_000)
            a.step()
            #expect(a.status.holds(.unavailable) && !a.store.isWritable && a.store.takesEverything)
            if isBack {
                world.start()
                guard case .rotated(1, _, _) = a.rotate(sid, 0) else { return #expect(Bool(false)) }
            } else {
                let before = clock.monotonic
                #expect(isUnavailable(a.rotate(sid, 1)))
                #expect((900...1_200).contains(clock.monotonic - before))
                #expect(!a.store.takesEverything)
            }
        }
        #expect(world.generation(of: sid) == 1)
    }

    @Test func `a step waits while what the engine has is read again`() throws {
        let b = TestNode("b", world, clock)
        try b.start()
        let sid = try #require(a.login())
        b.step()
        for _ in 0..<5 { _ = a.login() }
        world.trimLog()
        b.step()
        world.fail(.busy)
        b.step()
        guard case .rotated(1, _, _) = b.rotate(sid, 0) else { return #expect(Bool(false)) }
        #expect(world.loadCount > 0)
    }

    @Test func `a revocation counts at once, is kept across a restart, and is sent`() throws {
        let sid = try #require(a.login())
        let b = TestNode("b", world, clock)
        try b.start()
        world.stop()
        a.step()
        guard case .failure(.unavailable) = a.revoke(sid) else { return #expect(Bool(false)) }
        #expect(a.denies(sid))
        #expect(a.status.figures.unsentRevocations == 1)
        try a.kill()
        try a.start()
        #expect(a.denies(sid))
        #expect(a.status.figures.unsentRevocations == 1)
        world.start()
        clock.pass(2_100)
        a.step()
        #expect(world.isRevoked(sid))
        for _ in 0..<3 {
            clock.pass(2_100)
            b.step()
            a.step()
        }
        #expect(b.denies(sid))
        #expect(a.status.figures.unsentRevocations == 0)
        #expect(a.seen.contains(.unsentSent(count: 1)))
        try a.start()
        #expect(a.status.figures.unsentRevocations == 0)
    }

    @Test func `a rotation whose answer was lost is answered once the engine says what came of it`() throws {
        let sid = try #require(a.login())
        world.fail(.lostAfter)
        guard case .replayed(1, _, _) = a.rotate(sid, 0) else { return #expect(Bool(false)) }
        #expect(world.generation(of: sid) == 1)
    }

    @Test func `a repetition changes no response that another node has given meanwhile`() throws {
        let b = TestNode("b", world, clock)
        try b.start()
        let sid = try #require(a.login())
        world.fail(.lostAfter)
        let answers = Answers<RotationOutcome>()
        let request = RotationRequest(
            sid: sid, generation: 0, request: 1, sessionEnd: sid.milliseconds.adding(milliseconds: 30 * 86_400_000))
        a.store.rotate(request, subject: Array("alice".utf8), client: Array("web".utf8), kid: Array("k".utf8)) {
            answers.take($0)
        }
        a.step()
        clock.pass(40)
        guard case .replayed(1, let at, _) = b.rotate(sid, 0) else { return #expect(Bool(false)) }
        for _ in 0..<5 {
            clock.pass(40)
            a.step()
        }
        guard case .replayed(1, at, _) = answers.all.first else { return #expect(Bool(false)) }
        for node in [a, b] {
            guard case .replayed(1, at, _) = node.rotate(sid, 0) else { return #expect(Bool(false)) }
        }
    }

    @Test func `a rotation that did not happen is made by the repetition`() throws {
        let sid = try #require(a.login())
        world.fail(.lostBefore)
        guard case .rotated(1, _, _) = a.rotate(sid, 0) else { return #expect(Bool(false)) }
        #expect(world.generation(of: sid) == 1)
    }

    @Test func `an outage longer than the grace ends no session`() throws {
        let sid = try #require(a.login())
        world.fail(.lostAfter)
        let answers = Answers<RotationOutcome>()
        let request = RotationRequest(
            sid: sid, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000_000))
        a.store.rotate(request, subject: [1], client: [2], kid: [3]) { answers.take($0) }
        a.step()
        world.stop()
        for _ in 0..<10 {
            clock.pass(6_000)
            a.step()
        }
        #expect(isUnavailable(answers.all.first))
        world.start()
        clock.pass(2_100)
        a.step()
        // The client asks again with the same token: the repetition has given the rotation the present time.
        guard case .replayed(1, _, _) = a.rotate(sid, 0) else { return #expect(Bool(false)) }
        #expect(!a.denies(sid))
    }

    @Test func `a step that waits is not done once the clock is off, and a revocation is`() throws {
        let (sid, ended) = (try #require(a.login()), try #require(a.login()))
        let other = try #require(a.login())
        world.fail(.lostBefore)
        let outcomes = Answers<RotationOutcome>()
        let revoked = Answers<Result<LedgerPosition, RevocationError>>()
        for session in [sid, other] {
            let rotation = RotationRequest(
                sid: session, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000_000))
            a.store.rotate(rotation, subject: [1], client: [2], kid: [3]) { outcomes.take($0) }
            // This one is sent and its outcome is unknown; the other one waits for a connection.
            if session == sid { a.step() }
        }
        a.store.revokeSession(ended, expiresAt: clock.wall.adding(milliseconds: 1_000_000_000)) { revoked.take($0) }
        #expect(outcomes.all.isEmpty && revoked.all.isEmpty && a.store.takesEverything)
        world.change { $0.clockOffset = 60_000 }
        for _ in 0..<5 {
            clock.pass(60)
            a.step()
        }
        #expect(a.status.holds(.clockOff))
        #expect(outcomes.all.count == 2 && outcomes.all.allSatisfy { isUnavailable($0) }, "\(outcomes.all)")
        #expect(world.generation(of: other) == 0 && world.isRevoked(ended))
        guard case .success = revoked.all.first else { return #expect(Bool(false)) }
        #expect(isUnavailable(a.rotate(sid, 0)))
    }

    @Test func `a repetition that finds the session further on is no reuse`() throws {
        let sid = try #require(a.login())
        let b = TestNode("b", world, clock)
        try b.start()
        world.fail(.lostAfter)
        let answers = Answers<RotationOutcome>()
        let request = RotationRequest(
            sid: sid, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000_000))
        a.store.rotate(request, subject: Array("alice".utf8), client: [2], kid: [3]) { answers.take($0) }
        a.step()
        // The client has its answer from another node, and used the successor.
        _ = b.rotate(sid, 0)
        guard case .rotated(2, _, _) = b.rotate(sid, 1) else { return #expect(Bool(false)) }
        for _ in 0..<5 {
            clock.pass(40)
            a.step()
        }
        #expect(isUnavailable(answers.all.first))
        #expect(!world.isRevoked(sid))
        #expect(world.generation(of: sid) == 2)
    }

    @Test func `a caller waits no longer than the timeout`() throws {
        let sid = try #require(a.login())
        world.fail(.lostBefore)
        let before = clock.monotonic
        let outcome: RotationOutcome? = a.answer { done in
            let request = RotationRequest(
                sid: sid, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000))
            a.store.rotate(request, subject: [1], client: [2], kid: [3]) { done($0) }
            a.step()
            world.stop()
        }
        #expect(isUnavailable(outcome))
        #expect(clock.monotonic - before <= 1_200)
    }

    @Test func `an attempt to connect has time enough, whoever waits`() throws {
        let sid = try #require(a.login())
        let request = RotationRequest(
            sid: sid, generation: 0, request: 1, sessionEnd: clock.wall.adding(milliseconds: 1_000_000_000))
        for isSent in [true, false] {
            if isSent { world.fail(.lostBefore) } else { world.breakConnections() }
            if !isSent {
                clock.pass(1_000)
                a.step()
            }
            let answers = Answers<RotationOutcome>()
            a.store.rotate(request, subject: [1], client: [2], kid: [3]) { answers.take($0) }
            if isSent { a.step() }
            #expect(answers.all.isEmpty)
            clock.pass(990)
            a.step()
            // Only what was sent keeps its caller with this thread.
            #expect((isSent ? 100...150 : 900...1_000).contains(world.patience), "\(world.patience)")
            clock.pass(2_100)
            a.step()
        }
    }

    @Test func `another node that was first to begin an epoch costs no pause`() throws {
        let b = TestNode("b", world, clock)
        try b.start()
        world.stop()
        for _ in 0..<80 {
            clock.pass(100)
            for node in [a, b] { node.step() }
        }
        world.start()
        world.restart()
        // The other node is first, after this one has read the head.
        world.fail(.epoch)
        clock.pass(2_100)
        a.step()
        #expect(a.status.holds(.unavailable))
        clock.pass(51)
        a.step()
        #expect(a.status.conditions.isEmpty)
    }

    @Test func `pauses between attempts grow to two seconds`() throws {
        world.stop()
        a.step()
        var attempts: [Int64] = []
        var last = a.seen.count
        for _ in 0..<1_000 {
            clock.pass(10)
            a.step()
            if a.ledger.attemptCount != attempts.count { attempts.append(clock.monotonic) }
        }
        last = a.seen.count - last
        #expect(last <= 2, "one line, not one for each attempt")
        let pauses = zip(attempts, attempts.dropFirst()).map { $1 - $0 }
        #expect(pauses.allSatisfy { $0 <= 2_010 } && pauses.contains { $0 >= 1_000 }, "\(pauses)")
        #expect(pauses.count < 30, "\(pauses)")
    }

    @Test func `an engine that is starting is tried again soon, however long that takes`() throws {
        world.breakConnections()
        for _ in 0..<30 { world.fail(.busy) }
        var attempts: [Int64] = []
        var count = a.ledger.attemptCount
        for _ in 0..<400 {
            clock.pass(20)
            a.step()
            if a.ledger.attemptCount != count { attempts.append(clock.monotonic) }
            count = a.ledger.attemptCount
        }
        let pauses = zip(attempts, attempts.dropFirst()).map { $1 - $0 }
        #expect(pauses.count >= 25 && pauses.allSatisfy { $0 <= 270 }, "\(pauses)")
        #expect(a.status.conditions.isEmpty)
    }

    @Test func `the log is read as soon as the engine answers again`() throws {
        world.stop()
        for _ in 0..<60 {
            clock.pass(200)
            a.step()
        }
        world.start()
        let before = a.ledger.attemptCount
        for _ in 0..<250 where a.ledger.attemptCount == before {
            clock.pass(10)
            a.step()
        }
        #expect(a.ledger.attemptCount == before + 1)
        clock.pass(10)
        a.step()
        #expect(a.status.knowledge.age ?? .max <= 20)
    }
}
