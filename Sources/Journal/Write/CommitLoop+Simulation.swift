internal import Platform

/// The sleep of a simulated writer thread.
///
/// `@unchecked Sendable` is safe because a simulation runs on one thread.
final class SimulatedSleep: @unchecked Sendable {
    let schedule: WriterSchedule
    /// Whether the thread has begun to wait and has not looked at the queue yet.
    var isAwake = false
    var isWaiting = false
    /// The signals that the thread has noticed, or missed.
    var signalCount: UInt64 = 0

    init(schedule: WriterSchedule) { self.schedule = schedule }
}

extension CommitLoop {
    /// Does what the writer thread does when it gets the processor: it looks at the queue if it has just begun to wait, was
    /// signaled, or has waited for as long as it may, and then makes a turn or sleeps on.
    ///
    /// - Returns: false if it made no turn, or its last one.
    func step(_ sleep: SimulatedSleep) -> Bool {
        while true {
            if !sleep.isWaiting {
                wait.begin(retryMilliseconds: retryMilliseconds)
                (sleep.isWaiting, sleep.isAwake) = (true, true)
            }
            let count = core.queue.signalCount
            let isSignaled =
                count != sleep.signalCount && sleep.schedule.isAwakened(count &- sleep.signalCount)
            sleep.signalCount = count
            let isTimeUp = !sleep.isAwake && wait.nanosecondsMax != nil && sleep.schedule.isTimeUp()
            guard sleep.isAwake || isSignaled || isTimeUp else { return false }
            sleep.isAwake = false
            let step = core.queue.withLock { wait.look(&$0, &batch, isTimeUp: isTimeUp) }
            guard let step else { return false }
            guard step != .otherPhase else {
                sleep.isAwake = true
                continue
            }
            sleep.isWaiting = false
            // As the thread of ``run()``: what its completions add to the turn is done at its end.
            let outer = Platform.Turn.current
            let turn = Platform.Turn(collectsLines: false)
            turn.begin()
            defer {
                turn.finish()
                outer?.begin()
            }
            return make(step)
        }
    }
}
