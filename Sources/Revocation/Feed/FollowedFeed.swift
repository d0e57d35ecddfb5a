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

    package typealias Rule = KnowledgeAge.Rule

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
    package let knowledge: KnowledgeAge
    private let misses = Atomic<UInt64>(0)
    private let state = Mutex(State())

    /// - Parameter clock: milliseconds of a clock that cannot be set, such as CLOCK_BOOTTIME.
    package init(home: String, rule: Rule, clock: @escaping @Sendable () -> Int64) {
        self.home = home
        knowledge = KnowledgeAge(rule: rule, clock: clock)
    }

    /// As in ``KnowledgeAge``.
    package var age: Int64? { knowledge.age }
    package var isStale: Bool { knowledge.isStale }
    package var rejectsAll: Bool { knowledge.rejectsAll }

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
        if let asOf { knowledge.advance(asOf: asOf) }
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
    package var now: Int64 { knowledge.now }
}
