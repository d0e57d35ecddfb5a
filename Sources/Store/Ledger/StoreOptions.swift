package import Platform

/// How a node uses an engine. All times are in milliseconds.
package struct StoreOptions: Sendable {
    /// What to do about settings of the engine that lose acknowledged records.
    package enum Durability: String, CaseIterable, Sendable {
        /// Records nothing.
        case strict
        /// As strict, but settings that cannot be read count as good.
        case trusted
        /// Takes them as they are.
        case relaxed
    }

    /// What drives the two halves of the ledger.
    package enum Pace: Sendable {
        /// Two threads.
        case threads
        /// The caller of ``StoreLedger/step()``, so that everything happens in one reproducible order.
        case stepped
    }

    package var node: StoreNode
    package var clock: WallClock
    /// A clock that cannot be set.
    package var monotonicNow: @Sendable () -> Int64
    package var random: @Sendable () -> UInt64
    /// How long a request waits for the engine at most.
    package var timeout: Int64 = 1_000
    /// How long the response of a rotation can be asked for again.
    package var grace: Int64 = 10_000
    package var durability = Durability.strict
    /// How long the keys of another node may differ before it counts.
    package var keySpread: Int64 = 3_600_000
    /// Names the start of the machine, so that a moment of its clock can be compared after a restart of the process.
    package var bootID = ""
    /// Receives what the log should say, on the threads of the ledger; it must return quickly.
    package var observe: @Sendable (StoreEvent) -> Void = { _ in }
    package var pace = Pace.threads
    /// Nil for the default of the journal.
    package var segmentRecordCount: UInt64?

    package init(
        node: StoreNode, clock: WallClock, monotonicNow: @escaping @Sendable () -> Int64,
        random: @escaping @Sendable () -> UInt64
    ) {
        self.node = node
        self.clock = clock
        self.monotonicNow = monotonicNow
        self.random = random
    }
}

/// What other nodes may know of this one.
package struct StoreNode: Sendable {
    package var name: String
    package var version: String
    /// Of the settings that all nodes must share.
    package var settingsHash: String
    /// Of the present keyring.
    package var keyHash: @Sendable () -> String

    package init(
        name: String, version: String, settingsHash: String, keyHash: @escaping @Sendable () -> String
    ) {
        self.name = name
        self.version = version
        self.settingsHash = settingsHash
        self.keyHash = keyHash
    }
}
