internal import Synchronization

/// What a node knows about the engine that its ledger is on: Redis or PostgreSQL.
///
/// The threads of the ledger write it, and requests read it.
package final class StoreStatus: Sendable {
    /// What keeps the node from doing everything. Tokens are verified all the same.
    package enum Condition: String, CaseIterable, Sendable {
        /// The engine does not answer, or rejects this node: nothing is recorded.
        case unavailable = "store_unavailable"
        /// The settings of the engine lose acknowledged records when something fails: nothing is recorded.
        case durability = "store_durability"
        /// The log of the engine contains something that must not be skipped: the node does not go on.
        case damaged = "store_damaged"
        /// A living node has the same name: nothing is recorded.
        case nameTaken = "node_name_taken"
        /// Another node has other keys for longer than a key takes to spread.
        case keysDiffer = "keys_differ"
        /// Another node has other settings, of those that all nodes must share.
        case settingsDiffer = "settings_differ"
        /// The clock of this node is too far from that of the engine: nothing is issued.
        case clockOff = "clock_off"
    }

    /// What was counted since the start, and what was seen last.
    package struct Figures: Equatable, Sendable {
        package var reconnects: UInt64 = 0
        package var forks: UInt64 = 0
        /// Revocations that take effect here and that the engine does not have yet.
        package var unsentRevocations = 0
        package var epoch: UInt32 = 0
        /// How far the clock of this node is ahead of that of the engine, in milliseconds; nil before the first answer.
        package var clockOffset: Int64?
        /// From the moment a batch is sent until it is durable.
        package var commits = StoreHistogram(bounds: [
            0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
        ])
        package var batchRecords = StoreHistogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096])

        package init() {}
    }

    private struct State {
        var conditions: [Condition: String] = [:]
        var flaws: [String] = []
        var figures = Figures()
    }

    /// The address of the engine, without a password.
    package let name: String
    /// The name of this node among those of the engine.
    package let node: String
    package let knowledge: KnowledgeAge
    private let state: Mutex<State>

    /// A node begins without a connection.
    package init(name: String, node: String, knowledge: KnowledgeAge) {
        self.name = name
        self.node = node
        self.knowledge = knowledge
        state = Mutex(State(conditions: [.unavailable: "no connection has been made yet"]))
    }

    /// - Parameter text: what is wrong and what to do about it, for `/readyz` and the log.
    /// - Returns: whether the condition did not hold before.
    @discardableResult
    package func set(_ condition: Condition, _ text: String) -> Bool {
        state.withLock { $0.conditions.updateValue(text, forKey: condition) == nil }
    }

    /// - Returns: whether the condition held before.
    @discardableResult
    package func clear(_ condition: Condition) -> Bool {
        state.withLock { $0.conditions.removeValue(forKey: condition) != nil }
    }

    /// Notes the settings of the engine that lose acknowledged records and that the operator accepts.
    package func accept(flaws: [String]) { state.withLock { $0.flaws = flaws } }

    /// The present conditions with their texts, in the order of the enumeration.
    package var conditions: [(condition: Condition, text: String)] {
        let present = state.withLock { $0.conditions }
        return Condition.allCases.compactMap { condition in present[condition].map { (condition, $0) } }
    }

    package func holds(_ condition: Condition) -> Bool { state.withLock { $0.conditions[condition] != nil } }

    /// Whether there is a connection over which records become durable.
    package var isUp: Bool {
        state.withLock { $0.conditions.keys.allSatisfy { !$0.stopsRecording } }
    }

    /// The settings of the engine that lose acknowledged records and that the operator accepts.
    package var acceptedFlaws: [String] { state.withLock { $0.flaws } }

    package var figures: Figures { state.withLock { $0.figures } }

    package func count(_ change: (inout Figures) -> Void) {
        state.withLock { change(&$0.figures) }
    }
}

extension StoreStatus.Condition {
    /// Whether nothing is recorded while it holds.
    package var stopsRecording: Bool {
        switch self {
        case .unavailable, .durability, .damaged, .nameTaken: true
        case .keysDiffer, .settingsDiffer, .clockOff: false
        }
    }
}
