import Encoding
import Journal
import Platform
@testable import Revocation
@testable import Store

/// What an engine has, and what its steps do to it.
package struct ModelEngineState {
    /// What a wrong engine does; the suites must find each.
    package enum Flaw: CaseIterable, Sendable {
        /// A rotation does not check whether the session was revoked.
        case noCheck
        /// Numbers come from a sequence that is drawn before the head is locked: batches of two nodes mix.
        case unlockedSeq
        /// What nodes tell after a failover is taken without looking for forks.
        case noForks
        /// A rotation does not compare generations.
        case noCompare
    }

    struct Cut {
        var value: UInt64
        var seq: UInt64
    }

    struct Exempted: Hashable {
        let sid: UUID
        let kind: RevokeBeforeKind
    }

    var head: EngineHead?
    var log: [JournalRecord] = []
    /// The first numbers of records that nodes told again, by their numbers in the log.
    var told: [UInt64: UInt64] = [:]
    /// The first numbers of the epochs that are in the log.
    var epochs: [(epoch: UInt32, begin: UInt64)] = []
    var lastTime: UnixMilliseconds = 0
    var rotations: [UUID: (rotation: Rotation, record: JournalRecord)] = [:]
    var sessions: [UUID: JournalRecord] = [:]
    var tokens: [UUID: JournalRecord] = [:]
    var cuts: [UUID: Cut] = [:]
    var cutRecords: [UUID: JournalRecord] = [:]
    var exemptions: [Exempted: Cut] = [:]
    var exemptionRecords: [Exempted: JournalRecord] = [:]
    var entries: [UUID: [JournalRecord]] = [:]
    var data: [UUID: SessionData] = [:]
    var flaw: Flaw?
    private var openEntry: UUID?

    init(flaw: Flaw? = nil) { self.flaw = flaw }

    mutating func now(_ clock: UnixMilliseconds) -> UnixMilliseconds {
        lastTime = max(lastTime, clock)
        return lastTime
    }

    /// - Parameter origin: the record as a node has it that tells it again; it keeps its number and time.
    mutating func log(
        _ record: JournalRecord, at time: UnixMilliseconds, origin: JournalRecord? = nil
    ) -> LedgerStamp {
        guard let head else { preconditionFailure("nothing is recorded before an epoch begins") }
        var seq = head.position.seq + 1
        if flaw == .unlockedSeq, seq % 7 == 3 { seq += 1 }
        let placed = record.placed(seq: seq, time: origin?.time ?? now(time))
        log.append(placed)
        if let origin { told[seq] = origin.seq }
        self.head = EngineHead(
            position: LedgerPosition(epoch: head.position.epoch, seq: seq), time: now(time), identity: head.identity)
        apply(placed.placed(seq: origin?.seq ?? seq, time: placed.time))
        return LedgerStamp(LedgerPosition(epoch: head.position.epoch, seq: seq), time: now(time))
    }

    mutating func apply(_ record: JournalRecord) {
        if record.kind == .sessionEntry {
            if record.flags & 0x0f == 0 { openEntry = record.key; entries[record.key] = [] }
            if let openEntry { entries[openEntry]?.append(record) }
            return
        }
        switch RevocationCodec.event(record) {
        case .tokenRevoked(let jti, _, _, _): tokens[jti] = record
        case .sessionRevoked(let sid, _, _), .sessionDisplaced(let sid, _):
            sessions[sid] = record
            data[sid] = nil
        case .rotated(let sid, let generation, let request, _):
            let rotation = Rotation(generation: generation, request: request, at: record.time)
            rotations[sid] = (rotation, record)
        case .revokedBefore(let cut, _, let key, _, _):
            let before = cuts[key] ?? Cut(value: 0, seq: 0)
            let seq = cut.value == before.value && before.seq != 0 ? min(before.seq, record.seq) : record.seq
            cuts[key] = Cut(value: max(before.value, cut.value), seq: seq)
            cutRecords[key] = record.placed(seq: seq, time: record.time)
        case .exempted(let sid, let cut, let kind, _):
            let name = Exempted(sid: sid, kind: kind)
            let before = exemptions[name] ?? Cut(value: 0, seq: 0)
            exemptions[name] = Cut(value: max(before.value, cut.value), seq: max(before.seq, record.seq + 1))
            exemptionRecords[name] = record
        default: break
        }
    }

    func denial(_ sid: UUID, _ guardian: SessionGuard) -> Denial? {
        if flaw == .noCheck { return nil }
        if sessions[sid] != nil { return .session }
        let kinds: [(RevokeBeforeKind, UUID, Denial)] = [
            (.all, guardian.all, .all), (.client, guardian.client, .client), (.subject, guardian.subject, .subject),
        ]
        for (kind, key, denial) in kinds {
            guard let cut = cuts[key] else { continue }
            let exempt = exemptions[Exempted(sid: sid, kind: kind)] ?? Cut(value: 0, seq: 0)
            if let birth = guardian.birth {
                if birth < cut.seq, exempt.seq < cut.seq { return denial }
            } else if guardian.idHigh < cut.value, exempt.value < cut.value {
                return denial
            }
        }
        return nil
    }

    mutating func perform(_ step: StoreStep, at time: UnixMilliseconds) -> StepOutcome {
        switch step {
        case .append(let records):
            var last: LedgerStamp?
            for record in records { last = log(record, at: time) }
            return last.map { .recorded($0) } ?? .failed(.malformed(reason: "no records"))
        case .advance(let request): return advance(request, at: time)
        case .tell(let records): return tell(records, at: time)
        case .readData(let sid): return sessions[sid] != nil ? .rejected(.session) : .data(data[sid])
        case .writeData(let write): return self.write(write)
        }
    }

    private mutating func advance(_ request: StoreAdvance, at time: UnixMilliseconds) -> StepOutcome {
        if let denial = denial(request.sid, request.guardian) { return .rejected(denial) }
        let current = rotations[request.sid]?.rotation
        let stands = current?.generation ?? 0
        let isOurs = request.isRepeated && stands == request.generation &+ 1 && current?.request == request.request
        guard stands == request.generation && request.generation < .max || isOurs || flaw == .noCompare else {
            return .stands(current, now: now(time))
        }
        let event = RevocationEvent.rotated(
            sid: request.sid, generation: request.generation &+ 1, request: request.request,
            sessionEnd: request.sessionEnd)
        let record = RevocationCodec.record(event)
        return .advanced(log(request.isRepeated ? RevocationCodec.again(record) : record, at: time))
    }

    private mutating func write(_ write: SessionDataWrite) -> StepOutcome {
        if let denial = denial(write.sid, write.guardian) { return .rejected(denial) }
        let revision = data[write.sid]?.revision ?? 0
        guard revision == write.expected else { return .conflict(revision: revision) }
        guard let content = write.content else {
            data[write.sid] = nil
            return .stored(revision: 0)
        }
        data[write.sid] = SessionData(revision: revision + 1, content: content)
        return .stored(revision: revision + 1)
    }

    private mutating func tell(_ records: [JournalRecord], at time: UnixMilliseconds) -> StepOutcome {
        var forks = 0
        for record in records {
            switch RevocationCodec.event(record) {
            case .rotated(let sid, let generation, let request, let end):
                if sessions[sid] != nil { continue }
                guard let (stands, standing) = rotations[sid], stands.generation >= generation else {
                    _ = log(RevocationCodec.again(record), at: time, origin: record)
                    continue
                }
                let isSame = stands.request == request && (stands.at == record.time || RevocationCodec.isAgain(record) || RevocationCodec.isAgain(standing))
                if stands.generation > generation || isSame || flaw == .noForks { continue }
                forks += 1
                _ = log(RevocationCodec.record(.sessionRevoked(sid: sid, expires: end, reason: RevocationReason.refreshReused.rawValue)), at: time)
            case .sessionRevoked(let sid, _, _) where sessions[sid] != nil: continue
            case .tokenRevoked(let jti, _, _, _) where tokens[jti] != nil: continue
            case .revokedBefore(let cut, _, let key, _, _) where cuts[key]?.value ?? 0 >= cut.value: continue
            case .exempted(let sid, let cut, let kind, _)
            where exemptions[Exempted(sid: sid, kind: kind)]?.value ?? 0 >= cut.value: continue
            case nil where record.kind == .sessionEntry && record.flags & 0x0f == 0 && entries[record.key] != nil: continue
            default: _ = log(record, at: time, origin: record)
            }
        }
        let stamp = LedgerStamp(head?.position ?? LedgerPosition(epoch: 1, seq: 0), time: now(time))
        return .recorded(stamp, forks: forks)
    }

    /// Everything that lives.
    var live: [JournalRecord] {
        Array(sessions.values) + Array(tokens.values) + rotations.values.map(\.record)
            + Array(exemptionRecords.values) + Array(cutRecords.values) + entries.values.joined()
    }
}
