/// How an engine is reached, from the settings.
package struct StoreConnection: Sendable {
    package var address: StoreAddress
    /// Nil for none. It is never part of a message.
    package var password: String?
    /// The certificates that the engine's certificate must descend from, in PEM; nil for those of the system.
    package var caPath: String?
    /// The hash tag of all keys of Redis; the schema of PostgreSQL.
    package var prefix: String
    /// Milliseconds.
    package var timeout: Int
    /// How many replicas, or synchronous standbys, must have a record before it is acknowledged.
    package var replicas: Int
    package var durability: StoreDurability

    package init(
        address: StoreAddress, password: String?, caPath: String?, prefix: String, timeout: Int, replicas: Int,
        durability: StoreDurability
    ) {
        self.address = address
        self.password = password
        self.caPath = caPath
        self.prefix = prefix
        self.timeout = timeout
        self.replicas = replicas
        self.durability = durability
    }
}

/// What is done about settings of an engine that lose acknowledged records.
package enum StoreDurability: String, CaseIterable, Sendable {
    /// They are read after each connect, and with a flaw nothing is recorded.
    case strict
    /// The operator vouches for them, because the node may not read them.
    case trusted
    /// They are accepted as they are, and stated.
    case relaxed
}
