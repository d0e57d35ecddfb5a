/// The two lanes of a ``HashingPool``, so that a flood of guesses delays honest logins little.
package enum HashingLane: Equatable, Sendable {
    /// For work that is not a login, in the lane of known logins.
    case known
    /// For logins that are known by their address or their device: first in, first out, and before the other lane.
    ///
    /// - Parameter account: a number for the account. If many logins of one account wait, as when its owner floods the
    ///   service, the next ones go last in the other lane.
    case knownLogin(account: UInt64)
    /// For all other logins. Sources that have never failed go first, then those whose last failure is the longest ago.
    ///
    /// - Parameter lastFailure: milliseconds of a monotonic clock.
    case other(lastFailure: Int64?)
}

/// How much may wait for the workers of a ``HashingPool``, and for how long.
package struct HashingPlaces: Equatable, Sendable {
    /// Places of the lane of known logins.
    package let known: Int
    package let other: Int
    /// Work that would wait longer is rejected; `nil` for no limit.
    package let waitMax: Int64?

    /// For logins: each lane has half of the places, the known one the larger half, and a login waits for at most 5
    /// seconds. A single place is one for each lane.
    package static func logins(_ count: Int) -> HashingPlaces {
        let count = max(count, 0)
        return HashingPlaces(known: count - count / 2, other: count == 1 ? 1 : count / 2, waitMax: 5_000)
    }

    /// For work that no client waits for: one lane.
    package static func batch(_ count: Int) -> HashingPlaces {
        HashingPlaces(known: max(count, 0), other: 0, waitMax: nil)
    }
}

/// Why a ``HashingPool`` does not do some work: no place is free, or it would wait or has waited for too long.
package struct HashingRefusal: Error, Equatable, Sendable {
    /// When a new attempt is likely to succeed, 1 to 60.
    package let retryAfterSeconds: Int64
}

/// What a ``HashingPool`` has to do, and what it rejected since the start.
package struct HashingCounts: Equatable, Sendable {
    package struct Lane: Equatable, Sendable {
        package internal(set) var queued = 0
        package internal(set) var rejected = 0
    }

    package internal(set) var known = Lane()
    package internal(set) var other = Lane()
    /// Work in progress.
    package internal(set) var busy = 0

    package var queued: Int { known.queued + other.queued }
    package var rejected: Int { known.rejected + other.rejected }
}
