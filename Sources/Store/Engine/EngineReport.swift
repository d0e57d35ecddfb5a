package import Journal
package import Platform
package import Revocation

/// How far an engine is.
package struct EngineHead: Equatable, Sendable {
    /// The last record.
    package let position: LedgerPosition
    /// When it was recorded, in milliseconds since 1970; no later record has a lower time.
    package let time: UnixMilliseconds
    /// The primary that began the epoch.
    package let identity: String

    package init(position: LedgerPosition, time: UnixMilliseconds, identity: String) {
        self.position = position
        self.time = time
        self.identity = identity
    }
}

/// What an engine says about itself when a node connects.
package struct EngineReport: Equatable, Sendable {
    /// Names one unbroken primary: of Redis the run id, of PostgreSQL the system id and the timeline.
    package var identity: String
    /// Nil for an engine that has nothing of ours.
    package var head: EngineHead?
    /// By the clock of the engine, in milliseconds since 1970.
    package var now: UnixMilliseconds
    /// Such as `Redis 7.0.15`.
    package var version: String
    /// The settings that make acknowledged records less durable than promised, and their remedies.
    package var flaws: [DurabilityFlaw]
    /// Whether the settings could be read.
    package var areSettingsKnown: Bool
    package var replicaCount: Int

    package init(
        identity: String, head: EngineHead?, now: UnixMilliseconds, version: String, flaws: [DurabilityFlaw],
        areSettingsKnown: Bool, replicaCount: Int
    ) {
        self.identity = identity
        self.head = head
        self.now = now
        self.version = version
        self.flaws = flaws
        self.areSettingsKnown = areSettingsKnown
        self.replicaCount = replicaCount
    }
}

/// A setting of an engine that loses acknowledged records when something fails.
package struct DurabilityFlaw: Equatable, Sendable {
    /// Such as `appendfsync`.
    package let setting: String
    package let value: String
    /// What to do, as a sentence.
    package let remedy: String

    package init(setting: String, value: String, remedy: String) {
        self.setting = setting
        self.value = value
        self.remedy = remedy
    }
}

/// Records of the log, in order.
package struct TailBatch: Equatable, Sendable {
    /// With their number and time.
    package var records: [JournalRecord]
    /// The head when the answer was given: with these records, everything up to it if there are fewer than 4,096.
    package var head: EngineHead
    /// The numbers that records had before an epoch was lost and a node told them again, by their index in `records`.
    /// Such a record has its first time too. What a revoke-before time ends depends on its first number.
    package var told: [Int: UInt64] = [:]

    package init(records: [JournalRecord], head: EngineHead, told: [Int: UInt64] = [:]) {
        self.records = records
        self.head = head
        self.told = told
    }
}

/// What the nodes of an engine say about themselves each second.
package struct EngineStatus: Equatable, Sendable {
    package var nodes: [NodeReport]
    /// By the clock of the engine, in milliseconds since 1970.
    package var now: UnixMilliseconds
    package var head: EngineHead?
    /// The last record that all replicas have; nil where that is not known. Everything above it may be lost by a failover.
    package var safeSeq: UInt64?
    /// Whether a living node of the same name kept the report from being stored.
    package var isNameTaken: Bool

    package init(nodes: [NodeReport], now: UnixMilliseconds, head: EngineHead?, safeSeq: UInt64?, isNameTaken: Bool) {
        self.nodes = nodes
        self.now = now
        self.head = head
        self.safeSeq = safeSeq
        self.isNameTaken = isNameTaken
    }
}

/// What a node says about itself.
package struct NodeReport: Equatable, Sendable {
    package var name: String
    /// Drawn once for each node.
    package var instance: UInt64
    package var version: String
    package var position: LedgerPosition
    /// How old what the node knows is, in milliseconds.
    package var age: Int64
    /// How far the node's clock is ahead of that of the engine, in milliseconds.
    package var clockOffset: Int64
    /// Hashes of the keyring and of the settings that all nodes must share.
    package var keyHash: String
    package var settingsHash: String
    /// When it was stored, by the clock of the engine.
    package var time: UnixMilliseconds = 0

    package init(
        name: String, instance: UInt64, version: String, position: LedgerPosition, age: Int64, clockOffset: Int64,
        keyHash: String, settingsHash: String
    ) {
        self.name = name
        self.instance = instance
        self.version = version
        self.position = position
        self.age = age
        self.clockOffset = clockOffset
        self.keyHash = keyHash
        self.settingsHash = settingsHash
    }
}
