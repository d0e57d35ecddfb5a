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
    /// - Parameter done: gets how many were recorded, when they are durable; not called if there is none, or one failed.
    /// - Returns: how many are being recorded.
    @discardableResult
    package func recordLost(_ done: @escaping @Sendable (Int) -> Void = { _ in }) -> Int {
        guard hasLostRevocation.load(ordering: .acquiring), ledger.isWritable else { return 0 }
        let revocations = lost.take()
        let last = revocations.count - 1
        // The log keeps the order, and one that fails again is noted again.
        for (index, events) in revocations.enumerated() {
            append(events) { result in
                if index == last, case .success = result { done(last + 1) }
            }
        }
        return revocations.count
    }
}
