import Encoding
import Journal
import Platform
import Revocation

/// One seed's machine: a disk, clocks, a process that comes and goes, and what it has promised so far.
///
/// `@unchecked Sendable` holds because a simulation runs on one thread.
final class World: @unchecked Sendable {
    static let day: Int64 = 86_400_000
    static let grace: Int64 = 10_000
    static let directory = SimulatedDisk.root + "/state"

    let disk: SimulatedDisk
    let mutant: Mutant?
    var random: SplitMix
    /// Of what the process draws itself; it must not depend on what the world draws.
    private var processRandom: SplitMix
    /// Of when which thread runs.
    var scheduling: SplitMix
    /// The turn of the event loop.
    let loopTurn = Turn(collectsLines: false)
    /// Whether every wait of the writer is over at once.
    var isHurried = false
    let segmentRecordCount: UInt64
    private let reserveByteCount: Int
    let drawnFaults: Faults
    private(set) var store: RevocationStore?

    /// The clock that nobody sets, and what the wall clock is ahead of it; milliseconds.
    var truth: Int64 = 1_800_000_000_000
    var offset: Int64 = 0
    var wall: UnixMilliseconds { UnixMilliseconds(truth + offset) }
    var certainty: Certainty

    var sessions: [SimulatedSession] = []
    var tokens: [SimulatedToken] = []
    var cuts: [SimulatedCut] = []
    var order = 0
    /// Answers that are due.
    var outstanding = 0
    /// The highest seq promised.
    var promised: UInt64 = 0
    /// What the records on the medium themselves show to have been durable; damage above cannot be told from a torn end.
    var evident: UInt64 = 0
    var lastNow: UnixMilliseconds = 0
    var isDisplaced = false
    /// Whether the next crash is one of the whole machine.
    var endsInPowerCut = false
    /// The limit of the process, which its operator may change from one start to the next; milliseconds. Before the first
    /// start there was none, and no session began under a greater one.
    var sessionMax: Int64 = 0
    /// Until when sessions may live that began under a greater limit.
    var olderEnd: UnixMilliseconds = 0
    /// How many sessions a subject may have; nil for no limit.
    let sessionCountMax: Int?
    /// Every entry that a login asked for.
    var entries: [UUID: SessionEntry] = [:]
    var violation: Violation?
    /// Nothing more can be concluded from this seed.
    private(set) var isOver = false
    private var isAfterDamage = false
    /// How often what was done.
    var tally: [String: Int] = [:]
    var isTraced = false

    init(seed: UInt64, mutant: Mutant?) {
        random = SplitMix(seed)
        self.mutant = mutant
        disk = SimulatedDisk(seed: random.next())
        processRandom = SplitMix(random.next())
        scheduling = SplitMix(random.next())
        segmentRecordCount = [2, 3, 5, 8, 16, 16, 30, 30, 70, 3_000][random.below(10)].magnitudeAsUInt64
        reserveByteCount = random.below(2) * 8_192
        drawnFaults = random.below(4) == 0 ? .none : .drawn(&random)
        sessionCountMax = [nil, 1, 2, 4][Int(seed % 4)]
        certainty = Certainty(truth: truth, offset: 0)
    }

    func fail(_ sentence: String) {
        if violation == nil { violation = Violation(description: sentence) }
    }

    func trace(_ text: @autoclosure () -> String) {
        if isTraced { print("  \(disk.callCount) \(text())") }
    }

    func observeClocks() {
        certainty.observe(truth: truth, offset: offset)
        noteForgettable()
    }

    func count(_ what: String) { tally[what, default: 0] += 1 }

    /// Begins the process. What the kernel refuses it is tried again with fewer and fewer faults.
    func open() {
        let limit = [90, 90, 90, 7, 2][random.below(5)] * Self.day
        if limit < sessionMax { olderEnd = max(olderEnd, wall.adding(milliseconds: sessionMax)) }
        sessionMax = limit
        for attempt in 0..<24 {
            disk.faults = attempt < 3 && random.below(2) == 0 ? drawnFaults : .none
            let isHealthy = disk.faults.isNone
            let unflip = attempt < 3 && isHealthy && random.below(6) == 0 ? disk.flip() : nil
            if unflip == nil, attempt < 6, random.below(4) == 0 { disk.die(after: random.below(40)) }
            trace("start \(attempt), \(unflip == nil ? "" : "a bit flipped, ")faults \(!disk.faults.isNone)")
            do {
                let store = try RevocationStore.open(options())
                if disk.isDead {
                    store.close()
                } else {
                    self.store = store
                    begin(store, isDamaged: unflip != nil)
                    return
                }
            } catch {
                trace("start refused: \(error)")
                if disk.openCount != 0, !disk.isDead { fail("a start that failed left a file open") }
                if unflip == nil, isHealthy, !disk.isDead { return fail("start refused: \(error)") }
                if unflip != nil { count("damage refused") }
            }
            unflip?()
            disk.restart(powerCut: disk.isDead && random.below(2) == 0)
        }
        fail("no start succeeded")
    }

    private func options() -> RevocationOptions {
        var journal = FileLedgerSource(
            storage: DirectoryStorage(path: Self.directory, calls: mutant?.calls(disk) ?? disk),
            clock: WallClock { self.wall }, random: { self.draw() })
        journal.segmentRecordCount = segmentRecordCount
        journal.pace = .simulated(schedule())
        journal.reserveByteCount = reserveByteCount
        journal.observe = { self.take($0) }
        var options = RevocationOptions(
            ledger: journal, grace: Self.grace, sessionMax: sessionMax, clock: WallClock { self.wall },
            monotonicNow: { self.monotonic }, random: { self.draw() })
        options.entries = .kept(idle: Self.idle)
        return options
    }

    /// What the process is told is the clock that nobody sets.
    var monotonic: Int64 { mutant == .wallClockAsEvidence ? wall.count : truth }

    private func draw() -> UInt64 {
        let value = processRandom.next()
        // A segment's salt is the lower half.
        return mutant == .constantSalt ? value & ~0xffff_ffff : value
    }

    private func take(_ event: JournalEvent) {
        if disk.isDead { return }
        trace("\(event)")
        switch event {
        case .healed:
            count("healed")
            voidFailures()
        case .rewritten: count("rewritten")
        case .unwritable: count("unwritable")
        case .reserveUsed: count("reserve used")
        case .reserveHeld: count("reserve held")
        case .reserveMissing: break
        }
    }

    /// The journal went on without what had failed.
    private func voidFailures() {
        func void(_ refusal: inout Refusal?) {
            if refusal?.fate == .unsure, refusal?.isOneOfMany == false { refusal?.fate = .void }
        }
        for index in sessions.indices {
            sessions[index].unsure = nil
            void(&sessions[index].refusal)
            let isOfThisProcess = !sessions[index].isHiddenSinceStart
            if sessions[index].entry == .unsure, isOfThisProcess, !sessions[index].displacesOthers {
                sessions[index].entry = .void
            }
        }
        for index in tokens.indices { void(&tokens[index].refusal) }
        for index in cuts.indices where cuts[index].refusal.fate == .unsure { cuts[index].refusal.fate = .void }
    }

    private func begin(_ store: RevocationStore, isDamaged: Bool) {
        count("starts")
        trace("start: \(store.startReport.journal), sequence \(store.sequence)")
        certainty.restart(truth: truth, offset: offset)
        observeClocks()
        disk.faults = drawnFaults
        isAfterDamage = isDamaged
        if store.sequence < promised {
            lost("seq \(promised) was promised, the start ends at \(store.sequence)", seq: promised)
        }
        settle(store)
        settleEntries(store)
        if !isOver { check(store) }
        isAfterDamage = false
        if isOver { count("damage in the last commit") }
        // No later record vouches yet for what the start itself has written again.
        evident = store.sequence &- UInt64(clamping: store.startReport.journal.salvagedCount)
        lastNow = 0
    }

    /// A promise does not hold any more: a fault of the journal, unless the medium lost what no later record vouches for.
    func lost(_ sentence: String, seq: UInt64) {
        if mayHaveGone(seq) { isOver = true } else { fail(sentence) }
    }

    /// Whether the medium may have lost a record at this start, because no later record vouches for it.
    func mayHaveGone(_ seq: UInt64) -> Bool { isAfterDamage && seq > evident }

    /// Ends the process in one way or another, and begins the next.
    func restart(_ ending: Ending) {
        trace("end: \(ending)")
        count(ending.rawValue)
        if ending == .crash, !disk.isDead { disk.die(after: 0) }
        if let store { ending == .crash ? runOut(store) : pause(store) }
        store?.close()
        if disk.openCount != 0, !disk.isDead { fail("the process left a file open") }
        store = nil
        if outstanding != 0 { fail("\(outstanding) questions were never answered") }
        for index in sessions.indices where sessions[index].pending != nil {
            sessions[index].unsure = sessions[index].pending
            sessions[index].pending = nil
        }
        for index in sessions.indices where sessions[index].entry == .pending { sessions[index].entry = .unsure }
        disk.restart(
            powerCut: ending == .crash ? endsInPowerCut || random.below(3) != 0 : random.below(2) == 0)
        endsInPowerCut = false
        if isDisplaced {
            disk.replace(Self.directory)
            isDisplaced = false
        }
        if violation == nil { open() }
    }

    /// The process holds on to the world that it calls, and the world to the process.
    func letGo() {
        store?.close()
        store = nil
    }

    enum Ending: String {
        case stop
        case crash
    }
}

extension Int {
    fileprivate var magnitudeAsUInt64: UInt64 { UInt64(magnitude) }
}
