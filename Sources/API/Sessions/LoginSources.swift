package import HTTP
import Synchronization

/// Detects when all logins seem to come from one private address: a proxy that is not trusted, or one that is trusted and
/// does not name its clients. All users then share the failures of that address, and a few wrong passwords lock all of them
/// out.
///
/// Logins of authenticated clients do not count, since their failures are not counted by the connection's address.
package final class LoginSources: Sendable {
    package struct Finding: Equatable, Sendable {
        package let address: PeerAddress
        package let count: Int
    }

    /// Milliseconds.
    private static let window: Int64 = 60_000
    /// How long after a warning the same is not said again, in milliseconds.
    private static let silence: Int64 = 3_600_000
    /// Fewer logins in a minute may come from one person.
    package static let countMin = 5

    private struct State {
        var began: Int64?
        var address = PeerAddress.local
        var count = 0
        var isOne = true
        var silentUntil: Int64 = .min
    }

    private let state = Mutex(State())

    package init() {}

    /// - Parameter now: milliseconds of a clock that only goes forward, as ``finding(at:)`` takes.
    func note(_ address: PeerAddress, at now: Int64) {
        state.withLock { state in
            if state.began == nil {
                (state.began, state.address, state.count, state.isOne) = (now, address, 0, true)
            }
            state.isOne = state.isOne && state.address == address
            state.count &+= 1
        }
    }

    /// What the minute that ended says, once; to be asked every few seconds.
    package func finding(at now: Int64) -> Finding? {
        state.withLock { state in
            guard let began = state.began, now &- began >= Self.window else { return nil }
            state.began = nil
            guard state.isOne, state.count >= Self.countMin, state.address.isPrivate, now >= state.silentUntil else {
                return nil
            }
            state.silentUntil = now &+ Self.silence
            return Finding(address: state.address, count: state.count)
        }
    }
}
