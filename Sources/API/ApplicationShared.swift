package import HTTP
package import Service
import Synchronization
package import Telemetry

/// What the applications of all loops share.
package final class ApplicationShared: Sendable {
    package let realm: Realm
    package let connections: ConnectionCounters
    package let log: Log
    /// Nil while it is off.
    package let accessLog: AccessLog?
    /// The document served at `/openapi.yaml`.
    package let openAPI: [UInt8]
    /// Whatever makes the service not ready beside an unwritable journal; empty when all is well.
    package let unreadiness: @Sendable () -> [String]
    /// Nanoseconds of a clock that only goes forward.
    let monotonic: @Sendable () -> Int64
    let random: @Sendable () -> UInt64
    private let loops = Mutex<[LoopCounts]>([])

    package init(
        realm: Realm, connections: ConnectionCounters, accessLog: AccessLog? = nil, openAPI: [UInt8],
        monotonic: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64,
        unreadiness: @escaping @Sendable () -> [String]
    ) {
        self.realm = realm
        self.connections = connections
        self.accessLog = accessLog
        log = realm.log
        self.openAPI = openAPI
        self.monotonic = monotonic
        self.random = random
        self.unreadiness = unreadiness
    }

    /// The statuses counted apart; the last column takes every other one.
    static let statuses: [UInt16] = [
        200, 204, 304, 400, 401, 403, 404, 405, 408, 413, 414, 415, 417, 429, 431, 500, 501, 503, 505,
    ]

    static func statusColumn(_ status: UInt16) -> Int {
        statuses.firstIndex(of: status) ?? statuses.count
    }

    func newLoopCounts() -> LoopCounts {
        let counts = LoopCounts(rows: Endpoint.allCases.count + 1, columns: Self.statuses.count + 1)
        loops.withLock { $0.append(counts) }
        return counts
    }

    var loopCounts: [LoopCounts] { loops.withLock { $0 } }
}
