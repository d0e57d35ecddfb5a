internal import Encoding
internal import Journal
import Platform
internal import Synchronization

/// The rotations of all sessions, including those in progress.
final class Sessions: Sendable {
    typealias Completion = @Sendable (RotationOutcome) -> Void

    struct Shard {
        var settled = ExpiryBuckets<RotationTable>(stretchBits: Sessions.stretchBits)
        /// Rotations that are being written: few, and each only for the duration of one commit.
        var pending: [UUID: (request: UInt32, waiters: [Completion])] = [:]
        /// Tokens about which the ledger is being asked, and those who presented the same one meanwhile.
        var asked: [AskedToken: [Completion]] = [:]
    }

    /// Buckets by the beginning of the session, 18.6 hours each.
    static let stretchBits: Int64 = 26

    let shards: InlineArray<64, Mutex<Shard>>
    let key: FingerprintKey
    private let total = Atomic<Int>(0)

    init(key: FingerprintKey) {
        self.key = key
        shards = InlineArray { _ in Mutex(Shard()) }
    }

    deinit {
        for index in shards.indices { shards[index].withLock { for table in $0.settled.tables { table.free() } } }
    }

    /// The number of sessions that rotated at least once.
    var count: Int { total.load(ordering: .acquiring) }

    /// Passes the token to the state machine of the session. For `.join`, `done` is kept until the rotation in progress
    /// ends.
    func present(
        _ request: RotationRequest, now: UnixMilliseconds, grace: Int64, joining done: @escaping Completion
    ) -> RotationMachine.Action {
        let fingerprint = key.fingerprint(request.sid)
        return shards[Self.shard(fingerprint)].withLock { shard in
            var machine = RotationMachine(
                settled: Self.settled(request.sid, fingerprint, in: shard),
                pendingRequest: shard.pending[request.sid]?.request)
            let action = machine.present(
                generation: request.generation, request: request.request, now: now, grace: grace,
                repeatTime: request.repeatTime)
            switch action {
            case .commit: shard.pending[request.sid] = (request.request, [])
            case .join: shard.pending[request.sid]?.waiters.append(done)
            case .replay, .mismatch, .reuse, .ahead: break
            }
            return action
        }
    }

    /// What a rotation that was written, or not, means for those who wait for it.
    struct Settlement {
        enum Decision {
            /// The first request gets `winner`, and all that joined it get `others`.
            case outcomes(winner: RotationOutcome, others: RotationOutcome)
            /// The token was used before: the session must be revoked, and all get the result.
            case reuse
        }

        let decision: Decision
        let waiters: [Completion]
    }

    /// Ends the rotation in progress with the result of the log.
    ///
    /// - Parameter head: up to where everything is durable.
    func settle(
        _ request: RotationRequest, _ verdict: Result<AdvanceVerdict, RevocationError>, head: LedgerPosition,
        grace: Int64
    ) -> Settlement {
        let fingerprint = key.fingerprint(request.sid)
        let (settlement, isNew) = shards[Self.shard(fingerprint)].withLock { shard in
            let pending = shard.pending.removeValue(forKey: request.sid)
            let before = Self.settled(request.sid, fingerprint, in: shard)
            var machine = RotationMachine(settled: before, pendingRequest: pending?.request)
            let decision: Settlement.Decision
            switch verdict {
            case .success(.advanced(let position, let time)):
                machine.committed(request.generation &+ 1, at: time)
                decision = Self.decision(machine.settled, position)
            case .success(.stands(let current, let now)):
                let action = machine.conflicted(
                    with: current, generation: request.generation, request: request.request, now: now, grace: grace)
                decision = Self.decision(action, seq: head.seq)
            case .success(.rejected(let denial)):
                machine.failed()
                decision = .outcomes(winner: .denied(denial), others: .denied(denial))
            case .failure(let error):
                machine.failed()
                decision = .outcomes(winner: .unavailable(error), others: .unavailable(error))
            }
            var isNew = false
            if let settled = machine.settled, settled.generation > before?.generation ?? 0 {
                isNew = Self.store(settled, request.sid, fingerprint, request.sessionEnd, in: &shard)
            }
            return (Settlement(decision: decision, waiters: pending?.waiters ?? []), isNew)
        }
        if isNew { total.wrappingAdd(1, ordering: .releasing) }
        return settlement
    }

    /// Returns the last durable rotation of a session; nil for one that has not rotated.
    func rotation(of sid: UUID) -> Rotation? {
        let fingerprint = key.fingerprint(sid)
        return shards[Self.shard(fingerprint)].withLock { Self.settled(sid, fingerprint, in: $0) }
    }

    /// Returns the generation of the newest refresh token that was issued; 0 for a session that has not rotated.
    func generation(of sid: UUID) -> UInt32 { rotation(of: sid)?.generation ?? 0 }

    /// Restores a rotation from the log.
    func restore(_ rotation: Rotation, of sid: UUID, sessionEnd: UnixMilliseconds) {
        let fingerprint = key.fingerprint(sid)
        let isNew = shards[Self.shard(fingerprint)].withLock { shard in
            let before = Self.settled(sid, fingerprint, in: shard)?.generation ?? 0
            guard rotation.generation > before else { return false }
            return Self.store(rotation, sid, fingerprint, sessionEnd, in: &shard)
        }
        if isNew { total.wrappingAdd(1, ordering: .releasing) }
    }

    func purge(expiredAt now: UnixMilliseconds) {
        for index in shards.indices {
            let dropped = shards[index].withLock { $0.settled.drop(expiredAt: now) }
            for table in dropped { table.free() }
            total.wrappingSubtract(dropped.reduce(0) { $0 + $1.count }, ordering: .releasing)
        }
    }

    static func settled(_ sid: UUID, _ fingerprint: UInt64, in shard: borrowing Shard) -> Rotation? {
        shard.settled.read(at: sid.milliseconds) { $0.rotation(of: fingerprint) } ?? nil
    }

    /// Stores the rotation of a session.
    ///
    /// - Returns: whether the session had not rotated before.
    private static func store(
        _ rotation: Rotation, _ sid: UUID, _ fingerprint: UInt64, _ sessionEnd: UnixMilliseconds, in shard: inout Shard
    ) -> Bool {
        shard.settled.update(at: sid.milliseconds, expires: sessionEnd, new: RotationTable()) {
            $0.set(rotation, of: fingerprint)
        }
    }

    private static func decision(_ settled: Rotation?, _ position: LedgerPosition) -> Settlement.Decision {
        let (generation, time) = (settled?.generation ?? 0, settled?.at ?? 0)
        return .outcomes(
            winner: .rotated(generation: generation, at: time, seq: position.seq),
            others: .replayed(generation: generation, at: time, seq: position.seq))
    }

    static func decision(_ action: RotationMachine.Action, seq: UInt64) -> Settlement.Decision {
        let outcome: RotationOutcome
        switch action {
        case .replay(let rotation):
            outcome = .replayed(generation: rotation.generation, at: rotation.at, seq: seq)
        case .mismatch: outcome = .mismatched
        case .ahead(let known): outcome = .ahead(known: known)
        case .reuse: return .reuse
        case .commit, .join:
            outcome = .unavailable(.unwritable(reason: "it rejected a rotation of the generation that it has"))
        }
        return .outcomes(winner: outcome, others: outcome)
    }

    static func shard(_ fingerprint: UInt64) -> Int {
        Shards.index(of: fingerprint)
    }
}
