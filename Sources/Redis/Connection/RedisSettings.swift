internal import OpenSSL
internal import Platform
internal import Store

/// What engine and tail need to connect.
struct RedisSettings: Sendable {
    let place: RedisPlace
    let password: Secret?
    let tls: RedisTLS?
    let names: KeyNames
    /// How many replicas must have a record before it is acknowledged.
    let replicaCount: Int
}

/// The authorities that servers are checked with.
///
/// The file is read once, so that a connection does not depend on it later.
struct RedisTLS: Sendable {
    private let authorities: [UInt8]?

    init(caPath: String?) throws(StoreFault) {
        guard let caPath else {
            authorities = nil
            return
        }
        do throws(FileError) {
            authorities = try AtomicFile.read(caPath, byteCountMax: 1 << 20)
        } catch {
            throw .rejected(
                reason: "the file of MARTLET_STORE_CA cannot be read: \(error)",
                remedy: "Set MARTLET_STORE_CA to a file with certificates in PEM.")
        }
        _ = try context()
    }

    func context() throws(StoreFault) -> TLSClientContext {
        do throws(CryptoError) {
            return try TLSClientContext(authorities: authorities)
        } catch {
            throw .rejected(
                reason: "TLS cannot be used: \(error)",
                remedy: "Set MARTLET_STORE_CA to a file with certificates in PEM.")
        }
    }
}
