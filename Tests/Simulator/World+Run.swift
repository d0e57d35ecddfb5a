import Encoding
import Journal
import Platform
import Revocation

extension World {
    /// Lives one seed's life, and ends it with a disk that works: everything must be as it was promised.
    func run(turns: Int) {
        loopTurn.begin()
        defer {
            letGo()
            loopTurn.finish()
        }
        open()
        for _ in 0..<turns {
            guard violation == nil, !isOver else { return }
            turn()
            if disk.isDead { restart(.crash) }
        }
        guard violation == nil, !isOver else { return }
        finish()
    }

    private func turn() {
        guard let store else { return fail("no process") }
        switch random.below(100) {
        case 0..<12: login(store)
        case 12..<40: rotate(store)
        case 40..<44: issue()
        case 44..<51: revokeToken(store)
        case 51..<54: revokeSession(store)
        case 54..<57: cut(store)
        case 57..<78: step(store)
        case 78..<85: pass(store)
        case 85..<87: purge(store)
        case 87..<90: compact(store)
        case 90: jump()
        case 91: trouble()
        case 92..<95: storm(store)
        case 95: restart(.stop)
        default: if !disk.isDead, disk.callsToLive == nil { disk.die(after: random.below(30)) }
        }
    }

    private func pass(_ store: RevocationStore) {
        let elapsed = [
            Int64(random.below(3)), Int64(random.below(12_000)), Int64(random.below(3_600_000)),
            Int64(random.below(8 * 3_600_000)),
        ][random.below(4)]
        // No write takes minutes: a session must not end while its rotation is being written.
        if elapsed > 12_000 { drain(store) }
        truth += elapsed
        trace("\(elapsed) ms pass")
    }

    /// The wall clock is set by up to a day, mostly back to the truth in the end.
    private func jump() {
        let day = 86_400_000
        offset = offset != 0 && random.below(2) == 0 ? 0 : Int64(random.below(2 * day) - day)
        trace("the clock is \(offset) ms ahead")
        lastNow = 0
        count("clock jumps")
    }

    private func purge(_ store: RevocationStore) {
        trace("purge")
        observeClocks()
        store.purge(now: wall, monotonic: monotonic)
        check(store)
    }

    private func compact(_ store: RevocationStore) {
        trace("compact")
        observeClocks()
        if random.below(3) == 0 { disk.die(after: random.below(30)) }
        disk.onCompaction = { [self] in
            guard !disk.isDead, random.below(3) == 0 else { return }
            // Not while the hook itself is on: its steps make calls, too.
            let hook = disk.onCompaction
            disk.onCompaction = nil
            switch random.below(4) {
            case 0: revokeToken(store)
            case 1: rotate(store)
            default: step(store)
            }
            disk.onCompaction = hook
        }
        let before = store.sequence
        do {
            let report = try store.compact(now: wall, monotonic: monotonic)
            if report.segmentCount > 0 { count("compactions") }
        } catch {
            trace("compaction failed: \(error)")
            if disk.faults.isNone, !disk.isDead, store.isWritable { fail("compaction failed: \(error)") }
        }
        if store.sequence > before { evident = max(evident, before) }
        disk.onCompaction = nil
    }

    /// More at once than fits, a disk that is full in the middle of it, and a crash soon after there is room again: what
    /// the vain attempt left in blocks that were given back turns up in the next file.
    private func storm(_ store: RevocationStore) {
        guard (16...70).contains(segmentRecordCount) else { return check(store) }
        trace("storm")
        // Enough for the header of the next segment and a part of its records.
        disk.fill(leaving: 4_608 + random.below(Int(segmentRecordCount) * 64 - 512))
        burst(store, Int(segmentRecordCount) / 2 + random.below(Int(segmentRecordCount)))
        step(store)
        disk.faults.isFull = false
        step(store)
        step(store)
        burst(store, 1 + random.below(16))
        if !disk.isDead { disk.die(after: 0) }
        endsInPowerCut = true
        step(store)
        count("storms")
    }

    private func burst(_ store: RevocationStore, _ count: Int) {
        for _ in 0..<count {
            issue()
            revokeToken(store, tokens.count - 1)
        }
    }

    /// The disk gets full, read-only and so on, or well again.
    private func trouble() {
        guard let store else { return }
        var faults = disk.faults
        switch random.below(8) {
        case 0: faults.isFull = true
        case 1: faults.isReadOnly = true
        case 2: faults.hasNoDescriptors = true
        case 3 where !isDisplaced && store.isWritable:
            drain(store)
            // What a vain attempt left may be taken away: nobody was promised anything from it.
            guard outstanding == 0, !disk.isDead, store.isWritable else { return }
            disk.displace(Self.directory)
            isDisplaced = true
            count("files moved away")
        default: faults = drawnFaults
        }
        disk.faults = faults
        trace("\(faults)")
    }

    /// With everything in order again, the journal must heal by itself, take a promise, and keep all of them.
    private func finish() {
        disk.faults = .none
        if isDisplaced { restart(.stop) }
        // The start may be what the file system gave up in.
        while disk.isAborted, violation == nil, !isOver { restart(.stop) }
        disk.faults = .none
        guard violation == nil, !isOver, let store else { return }
        isHurried = true
        for _ in 0..<8 where !disk.isDead {
            endTurn()
            _ = store.step()
        }
        isHurried = false
        if !disk.isDead {
            if !store.isWritable {
                return fail("the disk is well, and the journal is not: \(store.fault.map { "\($0)" } ?? "")")
            }
            let before = promised
            issue()
            revokeToken(store)
            drain(store)
            if !disk.isDead, promised <= before { return fail("the disk is well, and nothing is promised") }
        }
        restart(disk.isDead ? .crash : .stop)
        if let store = self.store, violation == nil, !isOver {
            check(store)
            store.close()
        }
    }
}
