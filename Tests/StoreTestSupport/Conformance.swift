import Dispatch
import Encoding
import Journal
import Platform
@testable import Revocation
import Synchronization

/// A ledger that the conformance suite runs over. Another ledger needs one of these to be under it.
package struct LedgerUnderTest {
    package let name: String
    /// Opens the ledger, again and again over the same content.
    package let open: (WallClock, RevocationReplay) throws -> any Ledger
    /// Does what is left to do until every completion has run; nothing for a ledger that answers at once.
    package let settle: (any Ledger) -> Void

    package init(
        name: String, open: @escaping (WallClock, RevocationReplay) throws -> any Ledger,
        settle: @escaping (any Ledger) -> Void
    ) {
        self.name = name
        self.open = open
        self.settle = settle
    }
}

/// Random steps over one ledger, and a plain model of what must come out.
package final class ConformanceRun {
    private struct Session {
        let sid: Encoding.UUID
        let subject: Int
        let birth: UInt64
        /// By the model.
        var generation: UInt32 = 0
        var isEnded = false
    }

    private let ledger: LedgerUnderTest
    private var random: SplitMix
    private let clockBox = ClockBox()
    private var wall: UnixMilliseconds = 1_800_000_000_000
    private var sessions: [Session] = []
    private var open: any Ledger
    private var index: RevocationIndex
    private var sink = CountingSink()
    private var away: CountingSink?
    private var lastNow: UnixMilliseconds = 0
    private(set) var steps = 0
    package private(set) var complaints: [String] = []
    package private(set) var counts: [String: Int] = [:]
    /// What came of each rotation that was asked for; equal for two ledgers with the same seed.
    package private(set) var verdicts: [String] = []

    private static let subjects = (0..<4).map { Array("subject-\($0)".utf8) }
    private static let client = Array("web".utf8)

    package init(_ ledger: LedgerUnderTest, seed: UInt64) throws {
        self.ledger = ledger
        random = SplitMix(state: seed)
        let box = clockBox
        let (replay, opened) = try Self.start(ledger, WallClock { box.value.withLock { $0 } })
        (open, index) = (opened, replay.index)
        open.follow(from: nil, into: sink)
        ledger.settle(open)
    }

    private static func start(_ ledger: LedgerUnderTest, _ clock: WallClock) throws -> (RevocationReplay, any Ledger) {
        let numbers = Numbers()
        let replay = RevocationReplay(
            RevocationOptions(
                ledger: NoSource(), grace: 0, sessionMax: 90 * 86_400_000, clock: clock, monotonicNow: { 0 },
                random: { numbers.next() }))
        return (replay, try ledger.open(clock, replay))
    }

    /// Closes and opens the ledger again: everything that was acknowledged must be there.
    private func restart() throws {
        open.close()
        let box = clockBox
        let (replay, opened) = try Self.start(ledger, WallClock { box.value.withLock { $0 } })
        (open, index) = (opened, replay.index)
        let known = sink.head
        let fresh = CountingSink(after: sink)
        open.follow(from: known, into: fresh)
        ledger.settle(open)
        sink = fresh
        check(opened.now >= lastNow, "the time went back")
        checkSink()
        for session in sessions {
            let found = index.rotations.generation(of: session.sid)
            check(
                found == session.generation || session.isEnded, "generation \(session.generation) came back as \(found)"
            )
        }
    }

    package func run(_ count: Int) throws {
        for _ in 0..<count { try step() }
        checkSink()
        open.close()
    }

    /// The sink that follows all along, with interruptions, has each record once.
    private func checkSink() {
        check(sink.gaps.isEmpty, "\(sink.gaps)")
        let (rotations, revocations) = (counts["advanced"] ?? 0, counts["recorded"] ?? 0)
        check(sink.rotationCount == rotations, "the sink has \(sink.rotationCount) of \(rotations) rotations")
        check(sink.revocationCount == revocations, "the sink has \(sink.revocationCount) of \(revocations) revocations")
    }

    private func step() throws {
        steps += 1
        switch random.below(100) {
        case 0..<10: begin()
        case 10..<55: advance()
        case 55..<65: revoke()
        case 65..<72: cut()
        case 72..<77: spare()
        case 77..<82: raceWithRevocation()
        case 82..<92: passTime()
        case 92..<95: if isDue() { pauseOrReturn() }
        case 95..<97: if isDue() { joinLate() }
        default: if isDue() { try restart() }
        }
        if open.now < lastNow { complaints.append("step \(steps): the time went back") }
        lastNow = max(lastNow, open.now)
    }

    /// Whether it is time for what reads all records: less and less often, as they become more.
    private func isDue() -> Bool { steps < 1_000 || random.below(steps / 500) == 0 }

    private func begin() {
        if sessions.count >= 64 { sessions.removeFirst(32) }
        wall = wall.adding(milliseconds: 1)
        clockBox.value.withLock { [wall] in $0 = wall }
        let sid = UUID(high: UUID.version7High(milliseconds: wall), low: random.next() | 1)
        let subject = random.below(Self.subjects.count)
        sessions.append(Session(sid: sid, subject: subject, birth: open.head.seq))
        record([.sessionOpened(sid: sid)])
    }

    private func pick() -> Int? { sessions.isEmpty ? nil : random.below(sessions.count) }

    /// Presents a token: usually the newest, sometimes one that was used, sometimes one of the future.
    private func advance() {
        guard let place = pick() else { return }
        let session = sessions[place]
        let presented =
            switch random.below(10) {
            case 0..<6: session.generation
            case 6..<9: session.generation - min(session.generation, 1 + UInt32(random.below(3)))
            default: session.generation + 1
            }
        // Without its answer, the client asks again with the same token.
        let repeats = random.below(8) == 0 ? 2 : 1
        for _ in 0..<repeats { present(place, presented) }
    }

    private func present(_ place: Int, _ presented: UInt32) {
        let session = sessions[place]
        let verdict = ask(session, presented)
        switch verdict {
        case .success(.advanced(let position, let at)):
            check(!session.isEnded, "a session that has ended went on")
            check(presented == session.generation, "generation \(presented) went on from \(session.generation)")
            check(position <= open.head.position, "position \(position) was given before it is durable")
            check(at <= open.now, "a rotation from the future")
            sessions[place].generation = presented + 1
            count("advanced")
            verdicts.append("advanced to \(presented + 1)")
        case .success(.stands(let rotation, _)):
            check(!session.isEnded, "a session that has ended stands")
            check(presented != session.generation, "the newest generation does not go on")
            check(rotation?.generation ?? 0 == session.generation, "it stands at \(rotation?.generation ?? 0)")
            count("stands")
            verdicts.append("stands at \(rotation?.generation ?? 0)")
        case .success(.rejected):
            check(session.isEnded, "a session is rejected that goes on")
            count("rejected")
            verdicts.append("rejected")
        case .failure(let fault): check(false, "\(fault)")
        }
    }

    private func ask(_ session: Session, _ presented: UInt32) -> Result<AdvanceVerdict, RevocationError> {
        let box = Answers<Result<AdvanceVerdict, RevocationError>>()
        let request = RotationRequest(
            sid: session.sid, generation: presented, request: 1, sessionEnd: wall.adding(milliseconds: 30 * 86_400_000))
        let birth = open.isShared ? session.birth : nil
        let advance = Advance(request, birth: birth, subject: Self.subjects[session.subject], client: Self.client)
        let rotations = index.rotations
        open.advance(advance) { result in
            if case .success(.advanced(_, let at)) = result {
                // As the store does.
                rotations.restore(
                    Rotation(generation: request.generation + 1, request: 1, at: at), of: request.sid,
                    sessionEnd: request.sessionEnd)
            }
            box.take(result)
        }
        ledger.settle(open)
        return box.wait()[0]
    }

    private func revoke() {
        guard let place = pick() else { return }
        end(place)
    }

    private func end(_ place: Int) {
        let sid = sessions[place].sid
        index.sessions.insert(sid, at: sid.milliseconds, expires: wall.adding(milliseconds: 30 * 86_400_000))
        sessions[place].isEnded = true
        // Sent twice, as after an answer that was lost.
        for _ in 0...(random.below(4) == 0 ? 1 : 0) {
            record([.sessionRevoked(sid: sid, expires: wall.adding(milliseconds: 30 * 86_400_000), reason: 2)])
            count("recorded")
        }
        count("revoked")
    }

    private func cut() { cut(sparing: nil) }

    private func spare() {
        guard let place = pick(), !sessions[place].isEnded else { return }
        cut(sparing: place)
    }

    private func cut(sparing place: Int?) {
        let isAll = place == nil && random.below(5) == 0
        let subject = place.map { sessions[$0].subject } ?? random.below(Self.subjects.count)
        let kind: RevokeBeforeKind = isAll ? .all : .subject
        let name = isAll ? [] : Self.subjects[subject]
        let key = RevokeBeforeTable.key(kind, name.span)
        wall = wall.adding(milliseconds: 1)
        clockBox.value.withLock { [wall] in $0 = wall }
        let value = RevokeBefore(
            value: UUID.version7High(milliseconds: wall), expires: wall.adding(milliseconds: 90 * 86_400_000))
        var events: [RevocationEvent] = []
        if let place { events.append(.exempted(sid: sessions[place].sid, value, kind, reason: 1)) }
        events.append(.revokedBefore(value, kind, key: key, exemptsOne: place != nil, reason: 1))
        if let place { index.cuts.exempt(sessions[place].sid, kind, value, seq: .max) }
        index.cuts.insert(kind, key, value, seq: open.head.seq + UInt64(events.count))
        record(events)
        for other in sessions.indices where other != place && (isAll || sessions[other].subject == subject) {
            sessions[other].isEnded = true
        }
        wall = wall.adding(milliseconds: 1)
        count(place == nil ? "cut" : "spared")
    }

    /// A revocation that takes effect while a rotation is asked for: whatever comes first, the session has ended after it.
    private func raceWithRevocation() {
        guard let place = pick(), !sessions[place].isEnded else { return }
        end(place)
        let verdict = ask(sessions[place], sessions[place].generation)
        check(verdict == .success(.rejected(.session)), "a session went on that was revoked: \(verdict)")
    }

    private func passTime() {
        // The clock may be set back, and the ledger's time never follows it.
        let change = random.below(20) == 0 ? -Int64(random.below(5_000)) : Int64(random.below(2_000))
        clockBox.value.withLock { $0 = $0.adding(milliseconds: change) }
        let now = clockBox.value.withLock { $0 }
        wall = max(wall, now)
    }

    /// A sink that was away for a while must have the same records as the one that followed all along.
    private func pauseOrReturn() {
        guard let away else { return self.away = CountingSink(after: sink) }
        open.follow(from: away.head, into: away)
        ledger.settle(open)
        check(away.gaps.isEmpty, "a sink that came back: \(away.gaps)")
        check(
            away.rotationCount == sink.rotationCount && away.revocationCount == sink.revocationCount,
            "a sink that came back lacks records, or has some twice")
        self.away = nil
        count("returned")
    }

    /// Another sink that starts from nothing must know the same as the one that followed all along.
    private func joinLate() {
        let late = CountingSink()
        open.follow(from: nil, into: late)
        ledger.settle(open)
        check(late.hasReset && late.head == open.head.position, "a late sink ends at \(String(describing: late.head))")
        check(late.ended.isSuperset(of: sink.ended), "a late sink lacks revocations")
        count("joined")
    }

    private func record(_ events: [RevocationEvent]) {
        let answers = Answers<Result<LedgerStamp, RevocationError>>()
        open.append(events) { answers.take($0) }
        ledger.settle(open)
        switch answers.wait()[0] {
        case .success(let stamp):
            check(stamp.position <= open.head.position, "position \(stamp.position) was given before it is durable")
            check(sink.head.map { $0 >= stamp.position } ?? false, "the sink lacks \(stamp.position)")
        case .failure(let fault): check(false, "\(fault)")
        }
    }

    private func count(_ what: String) { counts[what, default: 0] += 1 }

    private func check(_ holds: Bool, _ complaint: @autoclosure () -> String) {
        if !holds, complaints.count < 20 { complaints.append("step \(steps): \(complaint())") }
    }
}

/// Values that arrive on other threads.
package final class Answers<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let arrived = DispatchSemaphore(value: 0)

    package init() {}

    package func take(_ value: Value) {
        values.withLock { $0.append(value) }
        arrived.signal()
    }

    package func wait(for count: Int = 1) -> [Value] {
        for _ in 0..<count { arrived.wait() }
        return values.withLock { $0 }
    }

    package var all: [Value] { values.withLock { $0 } }
}

/// Random numbers for a ledger.
package final class Numbers: Sendable {
    private let state: Mutex<SplitMix>

    package init(seed: UInt64 = 7) { state = Mutex(SplitMix(state: seed)) }

    package func next() -> UInt64 { state.withLock { $0.next() } }
}

private final class ClockBox: Sendable {
    let value = Mutex<UnixMilliseconds>(1_800_000_000_000)
}

/// Opens nothing: the suite opens the ledger itself.
private struct NoSource: LedgerSource {
    func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger { throw .closed }
}

/// Notes which sessions were revoked, and that no record is missing or comes twice.
package final class CountingSink: LedgerSink {
    private struct State {
        var ended: Set<Encoding.UUID> = []
        var head: LedgerPosition?
        var hasReset = false
        var last: LedgerPosition?
        var gaps: [String] = []
        var rotationCount = 0
        var revocationCount = 0
    }

    private let state = Mutex(State())

    init() {}

    /// Continues where another one was.
    init(after other: CountingSink) {
        let before = other.state.withLock { $0 }
        state.withLock { state in
            state = before
            state.last = before.head
        }
    }

    var ended: Set<Encoding.UUID> { state.withLock { $0.ended } }
    var head: LedgerPosition? { state.withLock { $0.head } }
    var hasReset: Bool { state.withLock { $0.hasReset } }
    var gaps: [String] { state.withLock { $0.gaps } }
    var rotationCount: Int { state.withLock { $0.rotationCount } }
    var revocationCount: Int { state.withLock { $0.revocationCount } }

    package func reset(_ position: LedgerPosition) {
        state.withLock { state in
            state.hasReset = true
            state.last = nil
        }
    }

    package func records(_ batch: [LedgerRecord], head: LedgerPosition) {
        state.withLock { state in
            for record in batch {
                if let last = state.last, record.position <= last {
                    state.gaps.append("\(record.position) after \(last)")
                }
                state.last = record.position
                switch record.event {
                case .sessionRevoked(let sid, _, _):
                    state.ended.insert(sid)
                    state.revocationCount += 1
                case .rotated: state.rotationCount += 1
                default: break
                }
            }
            state.head = head
        }
    }

    package func caughtUp(_ head: LedgerPosition) { state.withLock { $0.head = max(head, $0.head ?? head) } }
    package func away(_ fault: RevocationError) { state.withLock { $0.gaps.append("\(fault)") } }
    package func epoch(_ epoch: UInt32) {}
}

/// Everything in a run follows from one number.
package struct SplitMix: Sendable {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    package mutating func below(_ bound: Int) -> Int { bound <= 1 ? 0 : Int(next() % UInt64(bound)) }
}
