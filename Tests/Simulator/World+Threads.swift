import Journal
import Platform
import Revocation

/// The two threads of the process: the event loop, whose turns end when the simulation says so, and the writer, which sleeps
/// until it is signaled or its time is up. Both are run here, one step at a time.
extension World {
    /// How the writer thread is scheduled.
    func schedule() -> WriterSchedule {
        WriterSchedule(
            isTimeUp: { self.isHurried || self.scheduling.below(2) == 0 },
            isAwakened: { count in
                switch self.mutant {
                case .loseWakeUp: self.scheduling.below(4) != 0
                // As a flag that is flipped where it should be set.
                case .mergeWakeUps: count % 2 == 1
                default: true
                }
            })
    }

    /// The event loop has served everything that had arrived.
    func endTurn() {
        trace("the turn ends")
        loopTurn.end()
        // Nothing else has arrived, and it is about to sleep.
        if scheduling.below(2) == 0 { loopTurn.rest() }
    }

    /// Does something on a thread that does not work in turns, such as one that hashes passwords, and waits for it.
    func elsewhere(_ body: () -> Void) {
        withoutActuallyEscaping(body) { body in
            // This thread waits until it has run.
            nonisolated(unsafe) let body = body
            do throws(ThreadError) {
                try Thread(name: "elsewhere") { body() }.join()
            } catch {
                fail("\(error)")
            }
        }
    }

    /// A turn of the writer thread or two, after the turn of the loop, or before it ends.
    func step(_ store: RevocationStore) {
        disk.onWrite = { [self] in meanwhile(store) }
        defer { disk.onWrite = nil }
        for _ in 0...random.below(2) {
            if scheduling.below(3) != 0 { endTurn() }
            let before = store.sequence
            trace("step from \(before)")
            guard store.step() else { return }
            if store.sequence > before { evident = max(evident, before) }
        }
    }

    /// What arrives while the writer thread is in a call of the disk.
    private func meanwhile(_ store: RevocationStore) {
        guard !isHurried, !tokens.isEmpty, scheduling.below(8) == 0 else { return }
        let outer = Turn.current
        loopTurn.begin()
        defer { outer?.begin() }
        for _ in 0...scheduling.below(3) { revokeToken(store, scheduling.below(tokens.count)) }
        if scheduling.below(2) == 0 { endTurn() }
    }

    /// Lets both threads run until the disk dies.
    func runOut(_ store: RevocationStore) {
        isHurried = true
        defer { isHurried = false }
        repeat { endTurn() } while !disk.isDead && store.step()
    }

    /// Before the process stops, its clients may wait for their answers or not.
    func pause(_ store: RevocationStore) {
        if scheduling.below(2) == 0 { drain(store) }
    }

    /// Lets both threads do everything that they have to do; nobody asks anything meanwhile. After that no answer is due,
    /// or the writer sleeps although records wait for it.
    func drain(_ store: RevocationStore) {
        isHurried = true
        defer { isHurried = false }
        var rest = 8
        while outstanding > 0, rest > 0, !disk.isDead {
            let before = outstanding
            endTurn()
            step(store)
            rest = outstanding < before ? 8 : rest - 1
        }
        if outstanding > 0, !disk.isDead { fail("\(outstanding) answers are due, and the writer sleeps") }
    }
}
