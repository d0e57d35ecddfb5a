package import HTTP
package import Platform
package import Service
import Synchronization
package import Telemetry

/// What the applications of all loops share.
package final class ApplicationShared: Sendable {
    package let authState: AuthState
    let endpoints: EndpointTable
    /// Nil unless browser mode is on.
    let browser: Browser?
    package let connections: ConnectionCounters
    package let log: Log
    /// Nil while it is off.
    package let accessLog: AccessLog?
    private let makeOpenAPI: @Sendable () -> [UInt8]
    private let madeOpenAPI = Mutex<[UInt8]?>(nil)
    package let reloads: ReloadStatus
    let process: ProcessFacts
    /// When the TLS certificate expires, in seconds since 1970; nil without TLS.
    let certificateExpiry: @Sendable () -> UnixSeconds?
    let processFigures: @Sendable () -> ProcessFigures
    /// All keys of the directory as they are applied, ended and compromised ones included.
    let appliedKeys: @Sendable () -> [AppliedKey]
    /// Nanoseconds of a clock that only goes forward.
    let monotonic: @Sendable () -> Int64
    let random: @Sendable () -> UInt64
    /// Detects when every login comes from one private address.
    let loginSources: LoginSources
    /// Lets a warning about an untrusted peer's forwarding field through once a minute.
    let forwardingNotices = LogRateLimiter(interval: 60_000)
    /// Lets a warning about a field that a gateway does not send through once a minute.
    let gatewayNotices = LogRateLimiter(interval: 60_000)
    /// Nil while the feed is off.
    package let feed: FeedPublisher?
    let freshVisits = FreshVisits()
    private let nameKey: (UInt64, UInt64)
    private let loops = Mutex<[LoopCounts]>([])

    package init(
        authState: AuthState, connections: ConnectionCounters, accessLog: AccessLog? = nil,
        openAPI: @escaping @autoclosure @Sendable () -> [UInt8],
        monotonic: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> UInt64,
        loginSources: LoginSources = LoginSources(), reloads: ReloadStatus, process: ProcessFacts,
        appliedKeys: @escaping @Sendable () -> [AppliedKey],
        certificateExpiry: @escaping @Sendable () -> UnixSeconds? = { nil },
        processFigures: @escaping @Sendable () -> ProcessFigures = { ProcessFigures() }, endpoints: EndpointTable,
        browser: Browser? = nil, feed: FeedPublisher? = nil
    ) {
        self.feed = feed
        self.authState = authState
        self.endpoints = endpoints
        self.browser = browser
        self.connections = connections
        self.accessLog = accessLog
        log = authState.log
        makeOpenAPI = openAPI
        self.monotonic = monotonic
        self.random = random
        self.reloads = reloads
        self.process = process
        self.appliedKeys = appliedKeys
        self.certificateExpiry = certificateExpiry
        self.processFigures = processFigures
        self.loginSources = loginSources
        nameKey = (random(), random())
    }

    /// The document served at `/openapi.yaml`. It is made for the first request that needs it, because making it would take
    /// most of the time of a start, and few requests need it.
    var openAPI: [UInt8] {
        madeOpenAPI.withLock { made in
            if let made { return made }
            let document = makeOpenAPI()
            made = document
            return document
        }
    }

    /// Replaces a name that must not be logged. A name has one digest while the process runs, and a reader of the log cannot
    /// compare it with a list of guesses.
    func digest(of name: String) -> String {
        var hasher = Hasher()
        hasher.combine(nameKey.0)
        hasher.combine(nameKey.1)
        hasher.combine(name)
        let digits = String(UInt64(bitPattern: Int64(hasher.finalize())), radix: 16)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
    }

    /// The statuses that have a column of their own; the last column counts all others.
    static let statuses: [UInt16] = [
        200, 204, 206, 302, 303, 304, 400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 414, 415, 416, 417, 421, 422,
        428, 429, 431, 500, 501,
        503, 505,
    ]

    static func statusColumn(_ status: UInt16) -> Int {
        statuses.firstIndex(of: status) ?? statuses.count
    }

    func newLoopCounts() -> LoopCounts {
        let counts = LoopCounts(rows: endpoints.count + 1, columns: Self.statuses.count + 1)
        loops.withLock { $0.append(counts) }
        return counts
    }

    var loopCounts: [LoopCounts] { loops.withLock { $0 } }
}
