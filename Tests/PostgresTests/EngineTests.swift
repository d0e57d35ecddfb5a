import Encoding
import Journal
import Platform
import Revocation
import Store
import Synchronization
import Testing

@testable import Postgres

/// What the tests make steps of.
enum Sample {
    static let end = UnixMilliseconds(4_000_000_000_000)
    static let all = UUID(high: 0xa11, low: 1)
    static let client = UUID(high: 0xc11e, low: 2)
    static let subject = UUID(high: 0x5b, low: 3)

    static func sid(_ number: UInt64) -> UUID { UUID(high: 0x0190_0000_0000_7000 &+ number << 16, low: number) }

    static func revoke(_ sid: UUID) -> StoreStep {
        .append([RevocationCodec.record(.sessionRevoked(sid: sid, expires: end, reason: 1))])
    }

    static func revokeToken(_ number: UInt64) -> StoreStep {
        .append([
            RevocationCodec.record(
                .tokenRevoked(jti: UUID(high: 9, low: number), expires: end, isOfAnyEnd: false, reason: 2))
        ])
    }

    static func cut(_ kind: RevokeBeforeKind, _ key: UUID, value: UInt64, exempting sid: UUID? = nil) -> StoreStep {
        let cut = RevokeBefore(value: value, expires: end)
        let exempted = sid.map { [RevocationCodec.record(.exempted(sid: $0, cut, kind, reason: 0))] } ?? []
        return .append(
            exempted + [RevocationCodec.record(.revokedBefore(cut, kind, key: key, exemptsOne: sid != nil, reason: 0))])
    }

    static func guardian(_ sid: UUID, birth: UInt64? = nil) -> SessionGuard {
        SessionGuard(birth: birth, idHigh: sid.high, all: all, client: client, subject: subject)
    }

    static func advance(
        _ sid: UUID, from generation: UInt32, request: UInt32 = 7, birth: UInt64? = 0, isRepeated: Bool = false
    ) -> StoreStep {
        .advance(
            StoreAdvance(
                sid: sid, generation: generation, request: request, sessionEnd: end,
                guardian: guardian(sid, birth: birth), isRepeated: isRepeated))
    }

    static func write(_ sid: UUID, _ text: String?, at revision: UInt64, birth: UInt64? = 0) -> StoreStep {
        .writeData(
            SessionDataWrite(
                sid: sid, expected: revision, content: text.map { Array($0.utf8) }, sessionEnd: end,
                guardian: guardian(sid, birth: birth)))
    }

    static var deadline: StoreDeadline { .after(milliseconds: 10_000) }
}

/// An engine in its first epoch.
struct Node {
    let engine: any StoreEngine
    let head: EngineHead
    /// Ends with the last node that uses it.
    private let server: PostgresServer
    private let prefix: String

    /// A node in a schema of its own, on the server that tests share that need nothing special of it.
    init() throws {
        let (server, prefix) = try Self.freshSchema()
        try self.init(server, prefix: prefix)
    }

    /// An engine that has nothing.
    static func freshSource() throws -> PostgresEngineSource {
        let (server, prefix) = try freshSchema()
        return try PostgresEngineSource(server.connection(prefix: prefix))
    }

    private static func freshSchema() throws -> (server: PostgresServer, prefix: String) {
        let server = try Self.shared.get()
        let prefix = Self.count.withLock { count in
            count += 1
            return "t\(count)"
        }
        let owner = try PostgresEngineSource(server.connection(user: PostgresServer.owner, prefix: prefix))
        try owner.applySchema(role: PostgresServer.role, by: .after(milliseconds: 30_000))
        return (server, prefix)
    }

    private static let shared = Result { try PostgresServer() }
    private static let count = Mutex(0)

    /// A connection without an engine.
    static func freshLink() throws -> PostgresLink {
        var first = 0
        let (server, prefix) = try freshSchema()
        return try PostgresPlaces(server.connection(prefix: prefix)).connect(from: &first, by: Sample.deadline)
    }

    func tail() throws -> any StoreTail {
        try PostgresEngineSource(server.connection(prefix: prefix)).tail()
    }

    init(_ server: PostgresServer, prefix: String = PostgresServer.prefix) throws {
        self.server = server
        self.prefix = prefix
        engine = try PostgresEngineSource(server.connection(prefix: prefix)).engine()
        let report = try engine.connect(by: Sample.deadline)
        head =
            try report.head
            ?? engine.begin(epoch: 1, at: 1, expecting: nil, identity: report.identity, by: Sample.deadline)
    }

    func commit(_ steps: StoreStep...) throws -> [StepOutcome] {
        try engine.commit(steps, epoch: head.position.epoch, by: Sample.deadline)
    }

    func load() throws -> [JournalRecord] {
        var records: [JournalRecord] = []
        _ = try engine.load(by: Sample.deadline) { records += $0 }
        return records
    }
}

extension [StepOutcome] {
    /// The numbers of what was recorded.
    var seqs: [UInt64?] { map(\.seq) }
}

extension StepOutcome {
    var seq: UInt64? {
        switch self {
        case .recorded(let stamp, _), .advanced(let stamp): stamp.position.seq
        default: nil
        }
    }
}

@Suite("PostgreSQL: batches", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct EngineTests {
    @Test func `numbers follow the order of the steps, and a step sees those before it`() throws {
        let node = try Node()
        let (one, two) = (Sample.sid(1), Sample.sid(2))
        let outcomes = try node.commit(
            Sample.advance(one, from: 0), Sample.revoke(one), Sample.advance(one, from: 1),
            Sample.advance(two, from: 0),
            Sample.revokeToken(1), Sample.advance(two, from: 1), Sample.advance(two, from: 1))
        #expect(outcomes.seqs == [1, 2, nil, 3, 4, 5, nil])
        #expect(outcomes[2] == .rejected(.session))
        guard case .stands(let rotation, let now) = outcomes[6] else {
            Issue.record("\(outcomes[6])")
            return
        }
        #expect(rotation == Rotation(generation: 2, request: 7, at: now))
    }

    @Test func `a session at another generation stands, and the greatest is a question`() throws {
        let node = try Node()
        let sid = Sample.sid(1)
        guard case .stands(nil, _) = try node.commit(Sample.advance(sid, from: 5))[0] else {
            Issue.record("a session that never rotated has no rotation")
            return
        }
        #expect(try node.commit(Sample.advance(sid, from: 0))[0].seq == 1)
        guard case .stands(let rotation?, _) = try node.commit(Sample.advance(sid, from: .max))[0] else {
            Issue.record("no answer")
            return
        }
        #expect(rotation.generation == 1)
    }

    @Test func `a repeated rotation that succeeded gets the present time, one that did not is judged`() throws {
        let node = try Node()
        let sid = Sample.sid(1)
        guard case .advanced(let first) = try node.commit(Sample.advance(sid, from: 0))[0] else {
            Issue.record("no rotation")
            return
        }
        guard case .advanced(let again) = try node.commit(Sample.advance(sid, from: 0, isRepeated: true))[0] else {
            Issue.record("the repetition was not recognized")
            return
        }
        #expect(again.position.seq == 2)
        #expect(again.time >= first.time)
        guard
            case .stands(let rotation?, _) = try node.commit(
                Sample.advance(sid, from: 0, request: 8, isRepeated: true))[0]
        else {
            Issue.record("another request is no repetition")
            return
        }
        #expect(rotation == Rotation(generation: 1, request: 7, at: again.time))
    }

    @Test(arguments: [
        (RevokeBeforeKind.all, Sample.all, Denial.all), (.client, Sample.client, .client),
        (.subject, Sample.subject, .subject),
    ])
    func `a revoke-before time ends sessions by birth, or by id where there is none, and spares the exempt one`(
        _ kind: RevokeBeforeKind, _ key: UUID, _ denial: Denial
    ) throws {
        let node = try Node()
        let (old, young, exempt) = (Sample.sid(1), Sample.sid(3), Sample.sid(2))
        #expect(
            try node.commit(Sample.cut(kind, key, value: Sample.sid(3).high, exempting: exempt))[0].seq == 2)
        let outcomes = try node.commit(
            Sample.advance(old, from: 0, birth: 1), Sample.advance(young, from: 0, birth: 2),
            Sample.advance(exempt, from: 0, birth: 0), Sample.advance(Sample.sid(0), from: 0, birth: nil),
            Sample.advance(Sample.sid(4), from: 0, birth: nil))
        #expect(outcomes[0] == .rejected(denial))
        #expect(outcomes[1].seq == 3)
        #expect(outcomes[2].seq == 4)
        #expect(outcomes[3] == .rejected(denial))
        #expect(outcomes[4].seq == 5)
    }

    @Test func `another epoch does nothing and says which one it is`() throws {
        let node = try Node()
        #expect(throws: StoreFault.epoch(node.head)) {
            try node.engine.commit([Sample.revokeToken(1)], epoch: 2, by: Sample.deadline)
        }
        #expect(try node.commit(Sample.revokeToken(1))[0].seq == 1)
    }

    @Test func `what was committed is what is loaded`() throws {
        let node = try Node()
        let alice = Array("alice".utf8)
        let entry = SessionEntry(
            sid: Sample.sid(7), subject: alice.span, clientID: "web", device: "Firefox on a phone",
            address: .ipv4(0x7f00_0001), end: UnixSeconds(4_000_000_000), idleSeconds: 3_600)
        let records = RevocationCodec.records(.sessionListed(entry))
        _ = try node.commit(
            Sample.revokeToken(1), Sample.revoke(Sample.sid(2)), Sample.advance(Sample.sid(3), from: 0, request: .max),
            Sample.cut(.subject, Sample.subject, value: .max - 1, exempting: Sample.sid(9)), .append(records))
        let loaded = try node.load()
        #expect(loaded.map(\.seq).sorted() == Array(1...(5 + UInt64(records.count))))
        #expect(
            loaded.compactMap { RevocationCodec.event($0) }.contains(
                .rotated(sid: Sample.sid(3), generation: 1, request: .max, sessionEnd: Sample.end)))
        #expect(
            loaded.compactMap { RevocationCodec.event($0) }.contains(
                .exempted(
                    sid: Sample.sid(9), RevokeBefore(value: .max - 1, expires: Sample.end), .subject, reason: 0)))
        let listed = loaded.filter { $0.kind == .sessionEntry }
        #expect(listed.map { $0.placed(seq: 0, time: 0) } == records)
        #expect(listed.map(\.seq) == Array(6..<(6 + UInt64(records.count))))
    }

    @Test func `the data of a session is compared and set, and ends with the session`() throws {
        let node = try Node()
        let sid = Sample.sid(1)
        let outcomes = try node.commit(
            .readData(sid: sid), Sample.write(sid, "{}", at: 0), Sample.write(sid, "{\"a\":1}", at: 0),
            Sample.write(sid, "", at: 1), .readData(sid: sid), Sample.revoke(sid), Sample.write(sid, "{}", at: 2),
            .readData(sid: sid))
        #expect(
            outcomes == [
                .data(nil), .stored(revision: 1), .conflict(revision: 1), .stored(revision: 2),
                .data(SessionData(revision: 2, content: [])),
                .recorded(LedgerStamp(LedgerPosition(epoch: 1, seq: 1), time: time(of: outcomes[5]))),
                .rejected(.session), .rejected(.session),
            ])
    }

    private func time(of outcome: StepOutcome) -> UnixMilliseconds {
        if case .recorded(let stamp, _) = outcome { stamp.time } else { 0 }
    }
}
