/// How long keys go on verifying after their last signature, in milliseconds.
package struct KeyRetention: Sendable {
    /// The longest lifetime that MARTLET_ACCESS_TTL can be set to, and the largest MARTLET_LEEWAY: a key outlives every token,
    /// whatever the settings were when it was issued.
    private static let access: Int64 = 3_660_000

    private let refresh: Int64

    /// - Parameter refreshIdle: seconds that a refresh token may go unused.
    package init(refreshIdle: Int64) {
        refresh = refreshIdle * 1_000 + 60_000
    }

    package func keep(_ purpose: Key.Purpose) -> Int64 {
        switch purpose {
        case .access: Self.access
        case .refresh: refresh
        }
    }
}
