import Platform
internal import Synchronization

/// Revocations that apply in memory and that the log could not record: a caller got an error, and may not ask again.
final class LostRevocations: Sendable {
    /// How many are kept. A caller that repeats a request while the log fails adds one each time.
    private static let countMax = 65_536

    /// The events of each revocation belong together.
    private let revocations = Mutex<[[RevocationEvent]]>([])

    func note(_ events: [RevocationEvent]) {
        revocations.withLock { revocations in
            guard revocations.count < Self.countMax else { return }
            revocations.append(events)
        }
    }

    func take() -> [[RevocationEvent]] {
        revocations.withLock { revocations in
            defer { revocations = [] }
            return revocations
        }
    }
}

extension RevocationStore {
    /// Records the revocations that the log could not record before, as soon as it can. Call it every few seconds.
    ///
    /// - Returns: how many are being recorded.
    @discardableResult
    package func recordLost() -> Int {
        guard hasLostRevocation.load(ordering: .acquiring), log.isWritable else { return 0 }
        let revocations = lost.take()
        // One that fails again is noted again.
        for events in revocations { append(events) { _ in } }
        return revocations.count
    }
}
