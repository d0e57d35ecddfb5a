import Revocation
import Telemetry

extension Application {
    /// The metrics of a server whose ledger is on an engine.
    static func addStore(_ store: StoreStatus, _ page: inout PrometheusText) {
        let figures = store.figures
        page.family("martlet_store_up", .gauge, "1 while records become durable in the engine.")
        page.sample("martlet_store_up", store.isUp ? 1 : 0)
        page.family("martlet_store_condition", .gauge, "1 for each condition that holds.")
        let present = Set(store.conditions.map(\.condition))
        for condition in StoreStatus.Condition.allCases {
            page.sample(
                "martlet_store_condition", [("condition", condition.rawValue)], present.contains(condition) ? 1 : 0)
        }
        page.family(
            "martlet_store_relaxed", .gauge,
            "Settings of the engine that can lose acknowledged records and that MARTLET_STORE_DURABILITY accepts.")
        page.sample("martlet_store_relaxed", store.acceptedFlaws.count)
        addHistogram(
            "martlet_store_commit_seconds", "Time from sending a batch until it is durable.", figures.commits, &page)
        addHistogram("martlet_store_batch_records", "Steps in a batch.", figures.batchRecords, &page)
        page.family("martlet_store_reconnects_total", .counter, "Connections to the engine after the first.")
        page.sample("martlet_store_reconnects_total", figures.reconnects)
        page.family("martlet_store_epoch", .gauge, "Epoch of the engine's order; a new one begins with a new primary.")
        page.sample("martlet_store_epoch", figures.epoch)
        page.family(
            "martlet_store_forks_total", .counter,
            "Sessions that were ended because a failover let two tokens take the same step.")
        page.sample("martlet_store_forks_total", figures.forks)
        page.family(
            "martlet_store_unsent_refusals", .gauge,
            "Revocations that apply here and that the engine does not have yet.")
        page.sample("martlet_store_unsent_refusals", figures.unsentRevocations)
        page.family(
            "martlet_store_age_seconds", .gauge,
            "How long ago this server knew every revocation of the engine; +Inf before the first time.")
        page.sample("martlet_store_age_seconds", seconds: store.knowledge.age.map { Double($0) / 1_000 } ?? .infinity)
        page.family(
            "martlet_clock_offset_seconds", .gauge, "How far the clock of this server is ahead of the engine's.")
        page.sample("martlet_clock_offset_seconds", seconds: Double(figures.clockOffset ?? 0) / 1_000)
    }

    private static func addHistogram(
        _ name: String, _ help: String, _ histogram: StoreHistogram, _ page: inout PrometheusText
    ) {
        page.family(name, .histogram, help)
        var below: UInt64 = 0
        for (index, bound) in histogram.bounds.enumerated() {
            below &+= histogram.counts[index]
            page.sample("\(name)_bucket", [("le", "\(bound)")], below)
        }
        let total = histogram.counts.reduce(0, &+)
        page.sample("\(name)_bucket", [("le", "+Inf")], total)
        page.sample("\(name)_sum", seconds: histogram.sum)
        page.sample("\(name)_count", total)
    }
}
