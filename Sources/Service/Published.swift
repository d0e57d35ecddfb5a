import Synchronization

/// A value that one thread replaces as a whole and every event loop reads: the keyring, the users, the clients.
package final class Published<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    /// Increases with each replacement, so that a reader sees with one load that its copy is still the newest.
    fileprivate let version = Atomic<UInt64>(1)

    package init(_ value: Value) {
        state = Mutex(value)
    }

    package var current: Value { state.withLock { $0 } }

    package func replace(with value: Value) {
        state.withLock { $0 = value }
        version.wrappingAdd(1, ordering: .releasing)
    }
}

/// One event loop's copy of a ``Published`` value.
///
/// A class, so that its owner can store it in a constant: reading it in every request then needs no exclusivity check.
final class Follower<Value: Sendable> {
    private let source: Published<Value>
    private var seen: UInt64
    private(set) var value: Value

    init(_ source: Published<Value>) {
        self.source = source
        seen = source.version.load(ordering: .acquiring)
        value = source.current
    }

    /// Copies the newest value.
    /// - Returns: whether it changed.
    func follow() -> Bool {
        let version = source.version.load(ordering: .acquiring)
        guard version != seen else { return false }
        seen = version
        value = source.current
        return true
    }
}
