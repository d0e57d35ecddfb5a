import CLinux
import Journal
import Platform
import Revocation
import Service
import Synchronization
import Telemetry

extension MaintenanceJob {
    /// Compacts the journal when half of it is obsolete, on its own thread because it may take minutes.
    func startCompaction() throws(StartError) {
        try Thread.start(name: "compaction") { [self] in
            clinux_stand_back()
            var rounds = 0
            while !state.withLock({ $0.isStopping }) {
                Thread.sleep(milliseconds: Self.intervalMilliseconds)
                rounds += 1
                guard rounds % Self.roundsPerCompaction == 1 else { continue }
                compactIfDue()
            }
        }
    }

    private func compactIfDue() {
        let began = MonotonicClock.nanoseconds() / 1_000_000
        do {
            let report = try authState.revocations.compactIfDue(now: authState.clock.now, monotonic: began)
            guard let report else { return }
            authState.log.write(.info, "journal_compacted") { line in
                line.add("read", report.readCount)
                line.add("kept", report.keptCount)
                line.add("segments", report.segmentCount)
                line.add("milliseconds", MonotonicClock.nanoseconds() / 1_000_000 - began)
            }
        } catch {
            guard !state.withLock({ $0.isStopping }) else { return }
            authState.log.write(.error, "journal_compaction_failed") { $0.add("reason", "\(error)") }
        }
    }
}
