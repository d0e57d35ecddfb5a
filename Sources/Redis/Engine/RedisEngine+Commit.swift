internal import Encoding
internal import Journal
internal import Platform
internal import Revocation
internal import Store

/// One command of a batch.
private struct BatchCall {
    /// The index of the step.
    let step: Int
    let command: [UInt8]
}

extension RedisEngine {
    /// How many records one call tells, so that no call keeps other clients waiting for long.
    private static let toldCountMax = 256

    func commit(
        _ steps: [StoreStep], epoch: UInt32, by deadline: StoreDeadline
    ) throws(StoreFault) -> [StepOutcome] {
        var calls: [BatchCall] = []
        for (index, step) in steps.enumerated() {
            for command in self.commands(step, epoch: epoch) {
                calls.append(BatchCall(step: index, command: command))
            }
        }
        var (replies, isConfirmed) = try send(calls, by: deadline)
        let missing = replies.indices.filter { RedisLink.isMissingScript(replies[$0]) }
        if !missing.isEmpty {
            try link.loadScripts(by: deadline)
            let (again, isConfirmedToo) = try send(missing.map { calls[$0] }, by: deadline)
            for (index, reply) in zip(missing, again) { replies[index] = reply }
            isConfirmed = isConfirmed && isConfirmedToo
        }
        return try outcomes(steps, calls, replies, epoch: epoch, isConfirmed: isConfirmed, by: deadline)
    }

    private func send(
        _ calls: [BatchCall], by deadline: StoreDeadline
    ) throws(StoreFault) -> (replies: [RedisReply], isConfirmed: Bool) {
        var commands = CommandBuffer()
        for call in calls { commands.add(command: call.command[...]) }
        let demanded = link.settings.replicaCount
        if let waiting, demanded > 0 {
            // WAIT waits for what this connection wrote. With this, that is everything that any answer depends on.
            commands.command("SET", names.mark, "1")
            // The answer must come before the deadline.
            let limit = String(max(1, Int(deadline.milliseconds) * 3 / 4))
            switch waiting {
            case .wait: commands.command("WAIT", String(demanded), limit)
            case .waitForSync: commands.command("WAITAOF", "1", String(demanded), limit)
            }
        }
        var replies = try link.exchange(commands, by: deadline)
        guard replies.count == commands.count else { throw link.malformed("a batch") }
        guard let waiting, demanded > 0 else { return (replies, true) }
        let waited = replies.removeLast()
        let isMarked = replies.removeLast() == .status(Array("OK".utf8))
        let isConfirmed =
            switch waiting {
            case .wait: waited.number ?? 0 >= Int64(demanded)
            case .waitForSync:
                waited.elements.map {
                    $0.count == 2 && $0[0].number ?? 0 >= 1 && $0[1].number ?? 0 >= Int64(demanded)
                } ?? false
            }
        return (replies, isConfirmed && isMarked)
    }

    private func outcomes(
        _ steps: [StoreStep], _ calls: [BatchCall], _ replies: [RedisReply], epoch: UInt32, isConfirmed: Bool,
        by deadline: StoreDeadline
    ) throws(StoreFault) -> [StepOutcome] {
        guard replies.count == calls.count else { throw link.malformed("a batch") }
        var outcomes: [StepOutcome?] = Array(repeating: nil, count: steps.count)
        var fault: StoreFault?
        var isDone = false
        var isOtherEpoch = false
        for (call, reply) in zip(calls, replies) {
            let outcome = try outcome(reply, of: steps[call.step], epoch: epoch)
            switch outcome {
            case .failed(.epoch): isOtherEpoch = true
            case .failed(let other): fault = fault ?? other
            default: isDone = true
            }
            outcomes[call.step] = Self.joined(outcomes[call.step], outcome)
        }
        if isOtherEpoch {
            let head = try findHead(by: deadline).head
            guard isDone || fault != nil else { throw .epoch(head) }
            outcomes = outcomes.map { if case .failed(.epoch) = $0 { .failed(.epoch(head)) } else { $0 } }
        } else if let fault, !isDone {
            throw fault
        }
        return outcomes.map { outcome in
            // A step without a call is one that has nothing to record.
            let outcome = outcome ?? .failed(.closed)
            if case .failed = outcome { return outcome }
            return isConfirmed ? outcome : .unconfirmed
        }
    }

    /// Joins what came of the calls of one step.
    private static func joined(_ first: StepOutcome?, _ second: StepOutcome) -> StepOutcome {
        switch (first, second) {
        case (nil, _), (.recorded, .failed): second
        case (.recorded(_, let some), .recorded(let stamp, let others)): .recorded(stamp, forks: some + others)
        case (let first?, _): first
        }
    }

    private func outcome(_ reply: RedisReply, of step: StoreStep, epoch: UInt32) throws(StoreFault) -> StepOutcome {
        if case .error(let text) = reply { return .failed(link.fault(text)) }
        if case .readData = step { return try data(reply, epoch: epoch) }
        guard let parts = reply.elements, let code = parts.first?.number else { throw link.malformed("an outcome") }
        switch (code, step, parts.count) {
        case (0, _, 1): return .failed(.epoch(nil))
        case (1, .advance, 3): return .advanced(try stamp(parts, epoch: epoch))
        case (1, .append, 4), (1, .tell, 4):
            guard let forks = parts[3].number.flatMap({ Int(exactly: $0) }) else { throw link.malformed("an outcome") }
            return .recorded(try stamp(parts, epoch: epoch), forks: forks)
        case (2, .advance, 5): return try standing(parts)
        case (3, .advance, 2), (3, .writeData, 2):
            switch parts[1].number {
            case 0: return .rejected(.session)
            case 1: return .rejected(.subject)
            case 2: return .rejected(.client)
            case 4: return .rejected(.all)
            default: throw link.malformed("an outcome")
            }
        case (4, _, 2):
            return .failed(.damaged(reason: "the key \(parts[1].text ?? "?") has an unknown form"))
        case (5, .writeData, 2), (6, .writeData, 2):
            guard let revision = parts[1].unsigned else { throw link.malformed("an outcome") }
            return code == 5 ? .stored(revision: revision) : .conflict(revision: revision)
        default: throw link.malformed("an outcome")
        }
    }

    private func stamp(_ parts: [RedisReply], epoch: UInt32) throws(StoreFault) -> LedgerStamp {
        guard let seq = parts[1].unsigned, let time = parts[2].number else { throw link.malformed("an outcome") }
        return LedgerStamp(LedgerPosition(epoch: epoch, seq: seq), time: UnixMilliseconds(time))
    }

    private func standing(_ parts: [RedisReply]) throws(StoreFault) -> StepOutcome {
        guard let generation = parts[1].number, let request = parts[2].unsigned.flatMap({ UInt32(exactly: $0) }),
            let time = parts[3].number, let now = parts[4].number
        else { throw link.malformed("an outcome") }
        if generation == -1 { return .stands(nil, now: UnixMilliseconds(now)) }
        guard let generation = UInt32(exactly: generation) else { throw link.malformed("an outcome") }
        let rotation = Rotation(generation: generation, request: request, at: UnixMilliseconds(time))
        return .stands(rotation, now: UnixMilliseconds(now))
    }

    private func data(_ reply: RedisReply, epoch: UInt32) throws(StoreFault) -> StepOutcome {
        guard let parts = reply.elements, parts.count == 3 else { throw link.malformed("data") }
        guard let head = parts[2].bytes, head.starts(with: "1 \(epoch) ".utf8) else { return .failed(.epoch(nil)) }
        guard parts[1] == .null else { return .rejected(.session) }
        guard let bytes = parts[0].bytes else { return .data(nil) }
        guard bytes.count >= 8 else { return .failed(.damaged(reason: "the data of a session has an unknown form")) }
        return .data(SessionData(revision: bytes.little(at: 0, count: 8), content: Array(bytes[8...])))
    }
}

extension RedisEngine {
    /// Returns the commands of a step: several only to tell many records.
    func commands(_ step: StoreStep, epoch: UInt32) -> [[UInt8]] {
        switch step {
        case .append(let records): return [command(of: records, epoch: epoch)]
        case .tell(let records): return tellingCommands(records, epoch: epoch)
        case .advance(let advance): return [command(advance, epoch: epoch)]
        case .readData(let sid):
            var commands = CommandBuffer()
            commands.command("MGET", names.key(.data, sid), names.key(.session, sid), names.epoch)
            return [commands.bytes]
        case .writeData(let write): return [command(write, epoch: epoch)]
        }
    }

    private func command(of records: [JournalRecord], epoch: UInt32) -> [UInt8] {
        var operations = RecordOperations(names)
        var index = 0
        while index < records.count { index = operations.add(records, at: index) }
        return command(operations, epoch: epoch)
    }

    private func tellingCommands(_ records: [JournalRecord], epoch: UInt32) -> [[UInt8]] {
        var operations = RecordOperations(names, isTold: true)
        var commands: [[UInt8]] = []
        var index = 0
        while index < records.count {
            index = operations.add(records, at: index)
            guard operations.count >= Self.toldCountMax else { continue }
            commands.append(command(operations, epoch: epoch))
            operations.removeAll()
        }
        if operations.count > 0 || commands.isEmpty { commands.append(command(operations, epoch: epoch)) }
        return commands
    }

    private func command(_ operations: RecordOperations, epoch: UInt32) -> [UInt8] {
        call(.record, headKeys + operations.keys, [Array(String(epoch).utf8)] + operations.arguments)
    }

    private func command(_ advance: StoreAdvance, epoch: UInt32) -> [UInt8] {
        let next = advance.generation &+ 1
        var record = RevocationCodec.record(
            .rotated(sid: advance.sid, generation: next, request: advance.request, sessionEnd: advance.sessionEnd))
        if advance.isRepeated { record = RevocationCodec.again(record) }
        var bytes: [UInt8] = []
        record.writePortable(seq: 0, time: 0, to: &bytes)
        // The last generation has no successor: no session is at -1, so the answer says only where it is.
        let wanted = advance.generation == .max ? "-1" : String(advance.generation)
        let isRepeated = advance.isRepeated && advance.generation != .max
        return call(
            .advance, keys(advance.sid, .rotation, advance.guardian),
            [Array(String(epoch).utf8), Array(wanted.utf8)] + arguments(advance.guardian)
                + [
                    bytes, StoredRecord.fixed(record), Array(String(advance.sessionEnd.count).utf8),
                    Array((isRepeated ? "1" : "0").utf8),
                ])
    }

    private func command(_ write: SessionDataWrite, epoch: UInt32) -> [UInt8] {
        call(
            .data, keys(write.sid, .data, write.guardian),
            [Array(String(epoch).utf8), Array(String(write.expected).utf8)] + arguments(write.guardian)
                + [
                    Array((write.content == nil ? "0" : "1").utf8), write.content ?? [],
                    Array(String(write.sessionEnd.count).utf8),
                ])
    }

    private func keys(_ sid: UUID, _ family: KeyNames.Family, _ guardian: SessionGuard) -> [String] {
        headKeys + [
            names.key(family, sid), names.key(.session, sid), names.cut(RevokeBeforeKind.all.rawValue, guardian.all),
            names.cut(RevokeBeforeKind.client.rawValue, guardian.client),
            names.cut(RevokeBeforeKind.subject.rawValue, guardian.subject), names.key(.exemption, sid),
        ]
    }

    private func arguments(_ guardian: SessionGuard) -> [[UInt8]] {
        // Scripts count with doubles, which are exact up to 2^53.
        let birth = guardian.birth.map { String(min($0, 1 << 53)) } ?? ""
        return [birth, String(guardian.idHigh >> 32), String(guardian.idHigh & 0xffff_ffff)].map { Array($0.utf8) }
    }

    private func call(_ script: RedisScript.Name, _ keys: [String], _ arguments: [[UInt8]]) -> [UInt8] {
        var commands = CommandBuffer()
        link.add(script, keys: keys, arguments: arguments, to: &commands)
        return commands.bytes
    }
}
