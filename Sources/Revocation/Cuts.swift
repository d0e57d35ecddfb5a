internal import Octets
internal import OpenSSL
internal import Synchronization

/// Cuts: everything of a subject, a client, or of all that began before a point is refused, and everything of a key.
final class Cuts: Sendable {
    struct Cut: Equatable, Sendable {
        /// High half of a UUIDv7: a session whose own is below is refused.
        var value: UInt64
        var expires: Int64
    }

    private struct Spared: Hashable, Sendable {
        let sid: UUID
        let kind: CutKind
    }

    private struct State {
        var cuts: [UUID: (kind: CutKind, cut: Cut)] = [:]
        var spared: [Spared: Cut] = [:]
    }

    private let state = Mutex(State())
    /// The newest cut of each kind, 0 if there is none: a session begun later needs no look at names.
    private let newest: InlineArray<5, Atomic<UInt64>> = .init { _ in Atomic(0) }

    var count: Int { state.withLock { $0.cuts.count } }
    var sparedCount: Int { state.withLock { $0.spared.count } }

    /// What the journal calls it: SHA-256 of the kind's octet and the name, the first 16 octets.
    static func key(_ kind: CutKind, _ name: Span<UInt8>) -> UUID {
        let prefix: InlineArray<1, UInt8> = [kind.rawValue]
        return SHA256.digest128(prefix.span, name)
    }

    /// - Parameter born: high half of the session's id; for a token without one, of its time of issue.
    func denial(
        born: UInt64, sid: UUID?, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>
    ) -> Denial? {
        if born < newest(.all), isCut(.all, Span(), born, sid) { return .all }
        if newest(.key) != 0, isCut(.key, kid, born, sid) { return .key }
        if born < newest(.client), isCut(.client, client, born, sid) { return .client }
        if born < newest(.subject), isCut(.subject, subject, born, sid) { return .subject }
        return nil
    }

    func insert(_ kind: CutKind, _ key: UUID, _ cut: Cut) {
        state.withLock { state in
            var merged = state.cuts[key]?.cut ?? cut
            merged.value = max(merged.value, cut.value)
            merged.expires = max(merged.expires, cut.expires)
            state.cuts[key] = (kind, merged)
            publish(kind, max(newest(kind), merged.value))
        }
    }

    /// Lets a session live through a cut and the ones of that kind before it.
    func spare(_ sid: UUID, _ kind: CutKind, _ cut: Cut) {
        state.withLock { state in
            let spared = Spared(sid: sid, kind: kind)
            guard cut.value > state.spared[spared]?.value ?? 0 else { return }
            state.spared[spared] = cut
        }
    }

    func purge(expiredAt now: Int64) {
        state.withLock { state in
            // Apart from the cuts: one that is renewed again and again outlives all who were spared on the way.
            state.spared = state.spared.filter { $0.value.expires > now }
            guard state.cuts.values.contains(where: { $0.cut.expires <= now }) else { return }
            state.cuts = state.cuts.filter { $0.value.cut.expires > now }
            for kind in CutKind.allCases {
                publish(kind, state.cuts.values.reduce(0) { $1.kind == kind ? max($0, $1.cut.value) : $0 })
            }
        }
    }

    private func isCut(_ kind: CutKind, _ name: Span<UInt8>, _ born: UInt64, _ sid: UUID?) -> Bool {
        let key = Self.key(kind, name)
        return state.withLock { state in
            guard let (_, cut) = state.cuts[key] else { return false }
            if kind == .key { return true }
            guard born < cut.value else { return false }
            guard let sid, let spared = state.spared[Spared(sid: sid, kind: kind)] else { return true }
            return spared.value < cut.value
        }
    }

    private func newest(_ kind: CutKind) -> UInt64 {
        newest[Int(kind.rawValue)].load(ordering: .acquiring)
    }

    /// Called with the lock held, so that a later cut is never hidden by an earlier one.
    private func publish(_ kind: CutKind, _ value: UInt64) {
        newest[Int(kind.rawValue)].store(value, ordering: .releasing)
    }
}
