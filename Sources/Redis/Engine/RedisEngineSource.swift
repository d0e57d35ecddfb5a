internal import OpenSSL
internal import Platform
package import Store

/// Makes engines over Redis 7.0 or later, or Valkey.
package struct RedisEngineSource: StoreEngineSource {
    package let name: String
    /// After a restart or a failover, Redis may lack what it acknowledged.
    package var mayForget: Bool { true }
    private let settings: RedisSettings

    /// Loads hiredis and reads the certificates; nothing is sent yet.
    package init(_ connection: StoreConnection) throws(StoreFault) {
        guard case .redis(let place) = connection.address.engine else {
            throw .rejected(
                reason: "\(connection.address.text) is not an address of Redis",
                remedy: "Set MARTLET_STORE to redis://host:6379, rediss://, redis+sentinel:// or rediss+sentinel://.")
        }
        guard connection.prefix.utf8.count <= 64, !connection.prefix.isEmpty,
            connection.prefix.utf8.allSatisfy({ 0x21..<0x7f ~= $0 && $0 != 0x7b && $0 != 0x7d })
        else {
            throw .rejected(
                reason: "the prefix of the keys has a character that keys of Redis cannot have in a hash tag",
                remedy: "Set MARTLET_STORE_PREFIX to 1 to 64 letters, digits or dashes.")
        }
        name = connection.address.text
        _ = try HiredisLibrary.load()
        var tls: RedisTLS?
        if place.isSecure { tls = try RedisTLS(caPath: connection.caPath) }
        settings = RedisSettings(
            place: place, password: connection.password.map { Secret(Array($0.utf8)) }, tls: tls,
            names: KeyNames(tag: connection.prefix), replicaCount: connection.replicas)
    }

    package func engine() throws(StoreFault) -> any StoreEngine { RedisEngine(settings) }
    package func tail() throws(StoreFault) -> any StoreTail { RedisTail(settings) }
}
