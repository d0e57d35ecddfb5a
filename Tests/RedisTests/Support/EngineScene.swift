import Encoding
import Journal
import Platform
import Revocation
import Testing

@testable import Redis
@testable import Store

/// An engine over a server of its own, in its first epoch.
final class EngineScene {
    let server: RedisServer
    let engine: RedisEngine
    let source: RedisEngineSource
    private(set) var head: EngineHead

    init(_ settings: [String] = [], replicas: Int = 0, isDurable: Bool = true) throws {
        server = try RedisServer(settings, isDurable: isDurable)
        source = try Self.source(server, replicas: replicas)
        engine = try #require(try source.engine() as? RedisEngine)
        let report = try engine.connect(by: soon)
        head = try engine.begin(
            epoch: 1, at: 1, expecting: report.head, identity: report.identity, by: soon)
    }

    static func source(
        _ server: RedisServer, user: String? = nil, password: String? = nil, replicas: Int = 0,
        prefix: String = "martlet"
    ) throws -> RedisEngineSource {
        try source(
            "redis://\(user.map { $0 + "@" } ?? "")127.0.0.1:\(server.port)", password: password, replicas: replicas,
            prefix: prefix)
    }

    static func source(
        _ address: String, password: String? = nil, caPath: String? = nil, replicas: Int = 0, prefix: String = "martlet"
    ) throws -> RedisEngineSource {
        try RedisEngineSource(
            StoreConnection(
                address: try StoreAddress(address), password: password, caPath: caPath, prefix: prefix, timeout: 1_000,
                replicas: replicas, durability: .strict))
    }

    var epoch: UInt32 { head.position.epoch }

    func another() throws -> RedisEngine {
        let engine = try #require(try source.engine() as? RedisEngine)
        _ = try engine.connect(by: soon)
        return engine
    }

    func tail() throws -> RedisTail {
        let tail = try #require(try source.tail() as? RedisTail)
        _ = try tail.connect(by: soon)
        return tail
    }

    func commit(_ steps: StoreStep...) throws -> [StepOutcome] {
        try engine.commit(steps, epoch: epoch, by: soon)
    }

    func commit(_ step: StoreStep) throws -> StepOutcome {
        try #require(try engine.commit([step], epoch: epoch, by: soon).first)
    }

    /// Begins another epoch as a node does after a failover.
    func beginEpoch(by engine: RedisEngine? = nil) throws -> EngineHead {
        let engine = engine ?? self.engine
        let report = try engine.connect(by: soon)
        let seq = (report.head?.position.seq ?? 0) / (1 << 20) * (1 << 20) + (2 << 20)
        head = try engine.begin(
            epoch: (report.head?.position.epoch ?? 0) + 1, at: seq, expecting: report.head,
            identity: report.identity, by: soon)
        return head
    }

    func loaded() throws -> [JournalRecord] {
        var all: [JournalRecord] = []
        _ = try engine.load(by: soon) { all += $0 }
        return all
    }
}

/// Far enough for a machine on which other tests run.
var soon: StoreDeadline { .after(milliseconds: 10_000) }

/// A time in the future, in milliseconds since 1970.
let later = UnixMilliseconds(4_000_000_000_000)

func id(_ number: UInt64) -> UUID {
    UUID(high: 0x0190_0000_0000_7000 | number << 16, low: 0x8000_0000_0000_0000 | number)
}

func revoked(_ sid: UUID, reason: UInt16 = 1) -> JournalRecord {
    RevocationCodec.record(.sessionRevoked(sid: sid, expires: later, reason: reason))
}

func advance(
    _ sid: UUID, from generation: UInt32, request: UInt32 = 7, birth: UInt64? = 0, isRepeated: Bool = false
) -> StoreStep {
    .advance(
        StoreAdvance(
            sid: sid, generation: generation, request: request, sessionEnd: later,
            guardian: guardian(sid, birth: birth), isRepeated: isRepeated))
}

func guardian(_ sid: UUID, birth: UInt64?) -> SessionGuard {
    SessionGuard(
        birth: birth, idHigh: sid.high, all: UUID(high: 4, low: 4), client: UUID(high: 2, low: 2),
        subject: UUID(high: 1, low: 1))
}

func cut(
    _ kind: RevokeBeforeKind, value: UInt64, expires: UnixMilliseconds = later
) -> JournalRecord {
    RevocationCodec.record(
        .revokedBefore(
            RevokeBefore(value: value, expires: expires), kind,
            key: UUID(high: UInt64(kind.rawValue), low: UInt64(kind.rawValue)), exemptsOne: false, reason: 3))
}

func exemption(_ sid: UUID, _ kind: RevokeBeforeKind, value: UInt64) -> JournalRecord {
    RevocationCodec.record(.exempted(sid: sid, RevokeBefore(value: value, expires: later), kind, reason: 3))
}

extension StepOutcome {
    var stamp: LedgerStamp? {
        switch self {
        case .recorded(let stamp, _), .advanced(let stamp): stamp
        default: nil
        }
    }
}
