internal import Synchronization

/// What a node that follows the feed of another one knows about it: how old its knowledge is, and why it does not
/// advance.
///
/// One thread writes it, and every request reads it.
package final class FollowedFeed: Sendable {
    package enum Condition: String, CaseIterable, Sendable {
        /// Every answer was applied.
        case following
        /// No source answers, or none lets this node read.
        case away
        /// The feed contained something that must not be skipped.
        case damaged = "feed_damaged"
    }

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

    /// What was counted since the start.
    package struct Figures: Equatable, Sendable {
        package var records: UInt64 = 0
        package var answers: UInt64 = 0
        package var failures: UInt64 = 0
        package var snapshots: UInt64 = 0
        /// How often the source turned out to be another one, or an older copy.
        package var resets: UInt64 = 0
        package var isCopyWritable = true

        package init() {}
    }

    private struct State {
        var condition = Condition.away
        var position: LedgerPosition?
        var figures = Figures()
    }

    /// Where requests go that only the source can answer.
    package let home: String
    package let rule: Rule
    private let clock: @Sendable () -> Int64
    private let currentAsOf = Atomic<Int64>(.min)
    private let misses = Atomic<UInt64>(0)
    private let state = Mutex(State())

    /// - Parameter clock: milliseconds of a clock that cannot be set, such as CLOCK_BOOTTIME.
    package init(home: String, rule: Rule, clock: @escaping @Sendable () -> Int64) {
        self.home = home
        self.rule = rule
        self.clock = clock
    }

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
        guard let age else { return true }
        return rule.rejectsStale && rule.ageMax.map { age > $0 } ?? false
    }

    /// Whether the knowledge is older than a caller allows, or there is none.
    package func isOlder(thanSeconds seconds: Int64) -> Bool {
        guard let age else { return true }
        let (limit, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
        return !overflows && age > limit
    }

    package var condition: Condition { state.withLock { $0.condition } }
    package var position: LedgerPosition? { state.withLock { $0.position } }
    package var figures: Figures { state.withLock { $0.figures } }

    /// How often a token named a key that is not known.
    package var missedKeys: UInt64 { misses.load(ordering: .relaxed) }

    /// Records that a token named a key that is not known, so that the key set is read again soon.
    package func noteMissedKey() { misses.wrappingAdd(1, ordering: .relaxed) }

    /// - Parameter asOf: when everything up to the position was known, by the clock; nil if that is not known.
    package func advance(to position: LedgerPosition, asOf: Int64?) {
        state.withLock { $0.position = position }
        guard let asOf else { return }
        currentAsOf.store(asOf, ordering: .releasing)
    }

    /// - Returns: whether the condition is another one than before.
    @discardableResult
    package func become(_ condition: Condition) -> Bool {
        state.withLock { state in
            defer { state.condition = condition }
            return state.condition != condition
        }
    }

    package func count(_ change: (inout Figures) -> Void) {
        state.withLock { change(&$0.figures) }
    }

    /// Milliseconds of the clock.
    package var now: Int64 { clock() }
}
