import Journal
import Platform
import Revocation
import Synchronization

/// The work of the thread that uses the engine: batches, reports of this node, and what a lost connection leaves to do.
///
/// `@unchecked Sendable` holds because one thread uses it at a time: the one that opens the ledger until it starts that
/// of the engine, and that one from then on.
final class StoreWriter: @unchecked Sendable {
    enum Link: Equatable {
        /// Until when no connection is tried, by the monotonic clock.
        case away(Int64)
        /// Connected in an epoch, and the engine has everything that it must be told.
        case ready(UInt32)
    }

    /// Milliseconds for which a connection is tried at least: with less, no attempt could succeed.
    static let patienceMin: Int64 = 150
    /// Records of one batch at most.
    static let batchCountMax = 4_096
    /// Milliseconds between two reports of this node.
    static let reportPause: Int64 = 1_000
    /// Milliseconds between two cleanings of the engine.
    static let cleaningPause: Int64 = 180_000

    let engine: any StoreEngine
    let mirror: StoreMirror
    let queue: StoreQueue
    let refusals: StoreRefusals
    let status: StoreStatus
    let options: StoreOptions
    let peers: StorePeers
    let clock: EngineClock
    var link = Link.away(.min)
    var backOff = StoreBackOff()
    /// Steps whose outcome is unknown, in order.
    var doubtful: [StoreTask] = []
    var report: EngineReport?
    var reportedAt = Int64.min
    private var cleanedAt: Int64
    /// Whether more is left to clean.
    private var isCleaning = false
    private var lastReason: String?
    /// Whether the last turn only answered.
    private var hasAnswered = false
    private var hasConnected = false
    private(set) var attemptCount = 0
    /// Drawn once for each directory of a copy, which tells two nodes with one name apart.
    let instance: UInt64
    /// Why the last attempt to connect was rejected for good; nil if it was not.
    private(set) var rejection: StoreFault?

    init(
        engine: any StoreEngine, mirror: StoreMirror, queue: StoreQueue, refusals: StoreRefusals,
        status: StoreStatus, options: StoreOptions, peers: StorePeers, clock: EngineClock, instance: UInt64
    ) {
        self.engine = engine
        self.mirror = mirror
        self.queue = queue
        self.refusals = refusals
        self.status = status
        self.options = options
        self.peers = peers
        self.clock = clock
        cleanedAt = options.monotonicNow()
        self.instance = instance
    }

    var now: Int64 { options.monotonicNow() }
    var deadline: StoreDeadline { .after(milliseconds: Int(clamping: options.timeout)) }
    /// For how many milliseconds the engine may be silent when it reads or removes much.
    var silenceMax: Int64 { options.timeout.saturatingMultiply(by: 5) }

    /// Does what is to be done now.
    ///
    /// - Parameter patience: for how many milliseconds a connection is tried; nil for as long as a caller waits.
    /// - Returns: for how many milliseconds there is nothing else, unless something is queued.
    func turn(patience: Int64? = nil) -> Int64 {
        queue.endHold(at: now)
        let hasExpired = expire()
        let hasKept = refusals.answerKept()
        // Answers leave with the end of a turn, so none waits for what the next one does.
        hasAnswered = (hasExpired || hasKept) && !hasAnswered
        if hasAnswered { return 0 }
        guard isLinked(patience) else { return pause }
        do throws(StoreFault) {
            if mirror.needsLoad { try recover() }
            try exchangeIfDue()
            try sendUnsent()
            try sendBatch()
            try cleanIfDue()
        } catch {
            failed(error)
        }
        return pause
    }

    /// Cleans the engine, a piece each turn: steps wait for no more than one.
    private func cleanIfDue() throws(StoreFault) {
        guard isCleaning || now &- cleanedAt >= Self.cleaningPause else { return }
        (cleanedAt, isCleaning) = (now, false)
        isCleaning = try engine.maintain(by: .after(milliseconds: Int(clamping: silenceMax)))
    }

    private var pause: Int64 {
        if isCleaning, case .ready = link { return 0 }
        var until = now.saturatingAdd(100)
        if case .away(let next) = link { until = min(next, now.saturatingAdd(50)) }
        if let deadline = queue.nextDeadline { until = min(until, deadline) }
        if let deadline = mirror.acks.nextDeadline { until = min(until, deadline) }
        return max(0, until &- now)
    }

    /// For how long a connection is tried: hardly longer than those wait whose steps are in doubt. Another thread answers
    /// the others.
    private var patience: Int64 {
        guard let next = doubtful.lazy.filter(\.isWaiting).map(\.deadline).min() else { return options.timeout }
        return min(options.timeout, max(Self.patienceMin, next &- now))
    }

    private func isLinked(_ patience: Int64?) -> Bool {
        guard case .away(let next) = link else { return true }
        guard now >= next else { return false }
        do throws(StoreFault) {
            try connect(patience: patience ?? self.patience)
            return true
        } catch {
            failed(error)
            return false
        }
    }

    /// Connects, and makes the engine and this node agree.
    private func connect(patience: Int64) throws(StoreFault) {
        let sent = now
        attemptCount &+= 1
        let report = try engine.connect(by: .after(milliseconds: Int(clamping: patience)))
        self.report = report
        rejection = nil
        noteClock(report.now, sent: sent)
        try checkDurability(report)
        // What this node has must be complete before it is compared.
        answerLost(mirror.takeOwn() ?? [])
        let epoch = try reconcile(report)
        link = .ready(epoch)
        backOff.reset()
        if hasConnected { status.count { $0.reconnects &+= 1 } }
        hasConnected = true
        mirror.connectCount.wrappingAdd(1, ordering: .releasing)
        lastReason = nil
        status.count { $0.epoch = epoch }
        options.observe(
            .connected(version: report.version, identity: report.identity, position: mirror.position))
        reportedAt = .min
        try exchangeIfDue()
        open()
    }

    /// Connects again and agrees again, because the log does not continue what this node has; then reads everything if
    /// that is still so.
    private func recover() throws(StoreFault) {
        hold("what the engine has is being read")
        let report = try engine.connect(by: deadline)
        self.report = report
        try checkDurability(report)
        answerLost(mirror.takeOwn() ?? [])
        let epoch = try reconcile(report)
        link = .ready(epoch)
        status.count { $0.epoch = epoch }
        if mirror.needsLoad { try load() }
        open()
    }

    /// Takes steps again, as far as the clock and the names of the nodes allow.
    func open() {
        guard case .ready = link, !status.holds(.nameTaken), !status.holds(.damaged) else { return }
        status.clear(.unavailable)
        guard status.holds(.clockOff) else { return queue.set(.everything) }
        queue.say("the clock of this node is too far from that of the engine")
        queue.set(.revocations)
        let others = queue.takeOthers() + withdraw { $0.revocation == nil }
        refusals.refuse(others, queue.refusal)
    }

    func close(_ reason: String) {
        queue.say(reason)
        queue.set(.nothing)
    }

    /// Sends nothing for now. For as long as a caller waits for an answer, steps wait as well: most connections are back
    /// by then.
    private func hold(_ reason: String) {
        queue.say(reason)
        queue.hold(until: now.saturatingAdd(options.timeout))
    }

    /// Ends the connection after a fault, and fails or keeps what waits.
    func failed(_ fault: StoreFault) {
        let text = Self.text(fault)
        if Self.mayPass(fault), !status.holds(.durability) { hold(text) } else { close(text) }
        status.set(.unavailable, text)
        engine.disconnect()
        // What is busy answers; an engine with settings that lose records does so for long.
        var isStarting = false
        if case .busy = fault { isStarting = !status.holds(.durability) }
        // Another node has begun an epoch first, and the engine is there.
        if case .epoch = fault { backOff.reset() }
        link = .away(now.saturatingAdd(backOff.next(options.random(), isStarting: isStarting)))
        switch fault {
        case .rejected(let reason, let remedy):
            rejection = fault
            if lastReason != text { options.observe(.rejected(reason: reason, remedy: remedy)) }
        case .damaged(let reason): damaged(reason)
        default:
            if lastReason != text { options.observe(.away(reason: text)) }
        }
        lastReason = text
    }

    /// Whether the next connection may do without anybody's help.
    private static func mayPass(_ fault: StoreFault) -> Bool {
        switch fault {
        case .unreachable, .lost, .busy, .notPrimary, .malformed, .epoch, .gone, .closed: true
        case .rejected, .damaged: false
        }
    }

    func damaged(_ reason: String) {
        queue.say(reason)
        queue.stop()
        if status.set(.damaged, "\(reason). \(Self.damageRemedy)") { options.observe(.damaged(reason: reason)) }
    }

    private static let damageRemedy =
        "This node keeps what it knows and does not go on. Start a version that knows such records, or restore the engine."

    static func text(_ fault: StoreFault) -> String {
        switch fault {
        case .unreachable(let reason), .lost(let reason), .busy(let reason), .notPrimary(let reason),
            .malformed(let reason), .damaged(let reason):
            reason
        case .rejected(let reason, let remedy): "\(reason). \(remedy)"
        case .epoch(let head): "the engine is in epoch \(head.map { String($0.position.epoch) } ?? "none")"
        case .gone: "the log of the engine no longer goes back far enough"
        case .closed: "the connection is closed"
        }
    }

    private func checkDurability(_ report: EngineReport) throws(StoreFault) {
        let isAccepted: Bool
        var flaws = report.flaws
        if !report.areSettingsKnown, options.durability == .strict {
            flaws.append(
                DurabilityFlaw(
                    setting: "settings", value: "unreadable",
                    remedy: "Let the user read them, or set MARTLET_STORE_DURABILITY=trusted."))
        }
        isAccepted = flaws.isEmpty || options.durability == .relaxed
        status.accept(flaws: isAccepted ? flaws.map { "\($0.setting) \($0.value)" } : [])
        guard !isAccepted, let first = flaws.first else {
            status.clear(.durability)
            if !flaws.isEmpty { options.observe(.flaws(flaws, areAccepted: true)) }
            return
        }
        let text = "\(first.setting) is \(first.value): acknowledged records may be lost. \(first.remedy)"
        if status.set(.durability, text) { options.observe(.flaws(flaws, areAccepted: false)) }
        throw .busy(reason: text)
    }
}
