internal import Synchronization

/// How old what this node knows of revocations is, and what it does when that is too old.
///
/// The thread that hears of new records writes it, and every request reads it.
package final class KnowledgeAge: Sendable {
    package struct Rule: Sendable {
        /// The age in milliseconds from which the knowledge is stale; nil for no limit.
        package var ageMax: Int64?
        /// Whether tokens are not verified while the knowledge is stale.
        package var rejectsStale: Bool

        package init(ageMax: Int64?, rejectsStale: Bool) {
            self.ageMax = ageMax
            self.rejectsStale = rejectsStale
        }
    }

    package let rule: Rule
    private let clock: @Sendable () -> Int64
    private let currentAsOf = Atomic<Int64>(.min)

    /// - Parameter clock: milliseconds of a clock that cannot be set, such as CLOCK_BOOTTIME.
    package init(rule: Rule, clock: @escaping @Sendable () -> Int64) {
        self.rule = rule
        self.clock = clock
    }

    private var hasKnowledge: Bool { currentAsOf.load(ordering: .acquiring) != .min }

    /// How many milliseconds ago this node is known to have had everything; nil before the first time.
    package var age: Int64? {
        let asOf = currentAsOf.load(ordering: .acquiring)
        guard asOf != .min else { return nil }
        return max(0, clock().subtractingReportingOverflow(asOf).partialValue)
    }

    /// Whether the knowledge is older than the setting allows, or there is none.
    package var isStale: Bool {
        guard let age else { return true }
        return rule.ageMax.map { age > $0 } ?? false
    }

    /// Whether tokens must not be verified now. Without any knowledge they never are.
    package var rejectsAll: Bool {
        // The clock is read only where a rule depends on it.
        rule.rejectsStale ? isStale : !hasKnowledge
    }

    /// Whether the knowledge is older than a caller allows, or there is none.
    package func isOlder(thanSeconds seconds: Int64) -> Bool {
        guard let age else { return true }
        let (limit, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
        return !overflows && age > limit
    }

    /// - Parameter asOf: when everything was known, by the clock.
    package func advance(asOf: Int64) { currentAsOf.store(asOf, ordering: .releasing) }

    /// Milliseconds of the clock.
    package var now: Int64 { clock() }
}
