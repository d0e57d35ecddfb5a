import Journal
import Platform
import Revocation
import Synchronization

extension StoreMirror {
    /// Replaces the files by what this node has and what the engine has, and continues behind that.
    ///
    /// - Parameter load: passes everything that lives in the engine, and returns its head.
    /// - Returns: the number of records of the engine, its head, and callers whose records an epoch ended without.
    func load(
        _ load: (([JournalRecord]) -> Void) throws(StoreFault) -> EngineHead
    ) throws(StoreFault) -> (count: Int, head: EngineHead, lost: [StoreTask]) {
        let result = state.withLock { state -> Result<(count: Int, head: EngineHead, lost: [StoreTask]), StoreFault> in
            do throws(StoreFault) { return .success(try self.load(&state, load)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func load(
        _ state: inout State, _ load: (([JournalRecord]) -> Void) throws(StoreFault) -> EngineHead
    ) throws(StoreFault) -> (count: Int, head: EngineHead, lost: [StoreTask]) {
        var fault: StoreFault?
        var found: EngineHead?
        var count = 0
        let epochs = state.epochs
        let backlog = state.backlog
        do throws(JournalError) {
            try copy.replace(applier.live(horizon: .distantPast)) { draft throws(JournalError) in
                var writing: JournalError?
                do throws(StoreFault) {
                    var late: [JournalRecord] = []
                    let engine = try load { records in
                        if let bad = records.lazy.compactMap(StoreRecord.fault).first { fault = fault ?? bad }
                        guard fault == nil, writing == nil else { return }
                        count += records.count
                        self.applier.apply(records[...]) { epochs.position(of: $0) }
                        late += records
                    }
                    if let fault { throw fault }
                    found = engine
                    // Later ones come again from the log, and a snapshot has none beyond its end.
                    do throws(JournalError) {
                        try draft.add(backlog.filter { $0.kind != .epoch && $0.seq <= engine.position.seq })
                        late.removeAll { $0.seq > engine.position.seq }
                        try draft.add(late)
                        if engine.position.epoch > epochs.epoch { try draft.force(Self.epochRecord(engine)) }
                    } catch { writing = error }
                    if let writing { throw StoreFault.busy(reason: "\(writing)") }
                    return (engine.position.seq, engine.time)
                } catch {
                    fault = error
                    throw .closed
                }
            }
        } catch {
            if let fault { throw fault }
            observe(.copyUnwritable(reason: "\(error)"))
            throw .busy(reason: "the copy of the engine cannot be written: \(error)")
        }
        guard let found else { throw .closed }
        if found.position.epoch > state.epochs.epoch {
            state.epochs.begin(found.position.epoch, at: found.position.seq, offset: 0)
            followers.begin(epoch: found.position.epoch, at: found.position.seq, offset: 0)
        }
        (state.position, state.backlog, state.isCopyBroken) = (found.position, [], false)
        state.last = nil
        wantsLoad.store(false, ordering: .releasing)
        epochMax.store(found.position.epoch, ordering: .releasing)
        clock.note(found.time)
        followers.reset(at: found.position.seq)
        head.advance(to: found.position)
        return (count, found, acks.release(upTo: found.position))
    }

    private static func epochRecord(_ engine: EngineHead) -> JournalRecord {
        // Where the epoch before ended, only the engine knows.
        RevocationCodec.record(.epochBegan(epoch: engine.position.epoch, offset: .max))
            .placed(seq: engine.position.seq, time: engine.time)
    }
}
