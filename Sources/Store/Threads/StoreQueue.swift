import Journal
import Platform
import Revocation
import Synchronization

/// The steps that wait for the thread of the engine. Any thread adds some.
final class StoreQueue: TurnTask {
    /// What the ledger takes.
    enum Mode: UInt8, Sendable {
        /// Nothing; revocations are kept until the engine is back.
        case nothing
        /// Everything for a while, although nothing can be sent yet: there was a connection a moment ago.
        case waiting
        /// Revocations only.
        case revocations
        case everything

        /// Whether steps may be sent.
        var sends: Bool { self == .revocations || self == .everything }
    }

    private struct State {
        var tasks: [StoreTask] = []
        /// Revocations that came while the engine was away.
        var kept: [StoreTask] = []
        var isClosing = false
        /// Whether nothing is taken any more, whatever happens.
        var isStopped = false
        /// How many steps the next batch waits for.
        var goal = BatchGoal()
        /// Whether it waited for more in vain.
        var isLate = false
        var isGathering = false
    }

    /// How many steps wait at most.
    static let countMax = 65_536

    private let state = ConditionLock(State())
    /// Changes under the lock only, so that no step comes in under a mode that has ended.
    private let currentMode = Atomic<UInt8>(Mode.nothing.rawValue)
    /// Until when steps are taken in the mode `waiting`, by the monotonic clock.
    private let waitsUntil = Atomic<Int64>(.min)
    private let reason = Mutex("no connection has been made yet")

    var mode: Mode { Mode(rawValue: currentMode.load(ordering: .acquiring)) ?? .nothing }

    /// Whether any step is taken at a moment of the monotonic clock.
    func takesEverything(at now: Int64) -> Bool {
        switch mode {
        case .everything: true
        case .waiting: now < waitsUntil.load(ordering: .acquiring)
        case .nothing, .revocations: false
        }
    }

    func set(_ mode: Mode) { state.withLock { set(mode, &$0) } }

    private func set(_ mode: Mode, _ state: inout State) {
        currentMode.store((state.isStopped ? .nothing : mode).rawValue, ordering: .releasing)
    }

    /// Lets steps wait until a moment of the monotonic clock, if they could be sent until now.
    func hold(until end: Int64) {
        state.withLock { state in
            guard mode.sends else { return }
            waitsUntil.store(end, ordering: .releasing)
            set(.waiting, &state)
        }
    }

    /// Takes nothing more once steps have been held for long enough.
    func endHold(at now: Int64) {
        state.withLock { state in
            if mode == .waiting, !takesEverything(at: now) { set(.nothing, &state) }
        }
    }

    /// Takes nothing from now on, whatever is set later.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            set(.nothing, &state)
        }
    }

    func say(_ text: String) { reason.withLock { $0 = text } }

    var refusal: RevocationError { .unavailable(reason: reason.withLock { $0 }) }

    /// Adds a step, or fails it at once.
    func add(_ task: StoreTask, at now: Int64) {
        let isRevocation = task.revocation != nil
        enum Fate { case queued, failed(RevocationError) }
        let fate = state.withLock { state -> Fate in
            if state.isClosing { return .failed(.closed) }
            let isTaken = takesEverything(at: now) || mode == .revocations && isRevocation
            if isTaken, state.tasks.count < Self.countMax {
                state.tasks.append(task)
                return .queued
            }
            guard isRevocation, state.kept.count < Self.countMax else { return .failed(refusal) }
            state.kept.append(task)
            return .queued
        }
        switch fate {
        case .queued:
            // One wake for all steps of a turn of the event loop.
            if let turn = Turn.current { turn.atEnd(self) } else { endTurn() }
        case .failed(let fault): task.fail(fault)
        }
    }

    /// Wakes the thread of the engine, if there are as many steps as it waits for.
    func endTurn() {
        let isEnough = state.withLock { !$0.isGathering || $0.tasks.count >= $0.goal.count || !$0.kept.isEmpty }
        if isEnough { state.signal() }
    }

    /// Returns the next steps, at most `countMax` records.
    func take(upTo countMax: Int) -> [StoreTask] {
        state.withLock { state in
            var (count, end) = (0, 0)
            for task in state.tasks {
                if case .append(let records, _) = task.work { count += records.count } else { count += 1 }
                if count > countMax, end > 0 { break }
                end += 1
            }
            let taken = Array(state.tasks.prefix(end))
            state.tasks.removeFirst(end)
            if end > 0 { state.goal.learn(end, isLate: state.isLate) }
            state.isLate = false
            return taken
        }
    }

    /// Removes the steps that are no revocations.
    func takeOthers() -> [StoreTask] {
        state.withLock { state in
            let others = state.tasks.filter { $0.revocation == nil }
            if !others.isEmpty { state.tasks.removeAll { $0.revocation == nil } }
            return others
        }
    }

    /// Puts steps back that were not sent.
    func putBack(_ tasks: [StoreTask]) { state.withLock { $0.tasks.insert(contentsOf: tasks, at: 0) } }

    /// Returns the revocations that came while nothing was taken.
    func takeKept() -> [StoreTask] {
        state.withLock { state in
            defer { state.kept = [] }
            return state.kept
        }
    }

    /// Removes the steps that have waited too long; all of them if `now` is nil.
    func takeExpired(at now: Int64?) -> [StoreTask] {
        state.withLock { state in
            guard let now else {
                defer { state.tasks = [] }
                return state.tasks
            }
            guard state.tasks.contains(where: { $0.deadline <= now }) else { return [] }
            let expired = state.tasks.filter { $0.deadline <= now }
            state.tasks.removeAll { $0.deadline <= now }
            return expired
        }
    }

    var nextDeadline: Int64? { state.withLock { $0.tasks.map(\.deadline).min() } }
    var isClosing: Bool { state.withLock { $0.isClosing } }
    var isEmpty: Bool { state.withLock { $0.tasks.isEmpty && $0.kept.isEmpty } }

    /// Sleeps until there is something to do, at most for `milliseconds`.
    func wait(milliseconds: Int64) {
        _ = state.wait(atMost: milliseconds &* 1_000_000) { state -> Void? in
            state.isClosing || !state.kept.isEmpty || !state.tasks.isEmpty && self.mode.sends ? () : nil
        }
        gather()
    }

    /// Waits a moment for as many steps as the last batches had, so that many clients share a round trip.
    private func gather() {
        let waits = state.withLock { state in
            state.isGathering = !state.tasks.isEmpty && state.tasks.count < state.goal.count && !state.isClosing
            return state.isGathering
        }
        guard waits else { return }
        let enough: Void? = state.wait(atMost: BatchGoal.waitMax) { state -> Void? in
            state.isClosing || !state.kept.isEmpty || state.tasks.count >= state.goal.count ? () : nil
        }
        state.withLock { state in
            state.isGathering = false
            state.isLate = enough == nil
        }
    }

    func wake() { state.broadcast() }

    func close() {
        state.withLock { state in
            state.isClosing = true
            set(.nothing, &state)
        }
        state.broadcast()
    }
}
