internal import Encoding
internal import OpenSSL
internal import Synchronization

/// RevokeBeforeTable: everything of a subject, a client, or of all that began before a point is refused, and everything of a key.
final class RevokeBeforeTable: Sendable {
    struct RevokeBefore: Equatable, Sendable {
        /// High half of a UUIDv7: a session whose own is below is refused.
        var value: UInt64
        var expires: Int64
    }

    private struct Exempted: Hashable, Sendable {
        let sid: UUID
        let kind: RevokeBeforeKind
    }

    private struct State {
        var cuts: [UUID: (kind: RevokeBeforeKind, cut: RevokeBefore)] = [:]
        var exempted: [Exempted: RevokeBefore] = [:]

        func isCut(_ kind: RevokeBeforeKind, _ key: UUID, _ born: UInt64, _ sid: UUID?) -> Bool {
            guard let (_, cut) = cuts[key] else { return false }
            if kind == .key { return true }
            guard born < cut.value else { return false }
            guard let sid, let exempted = exempted[Exempted(sid: sid, kind: kind)] else { return true }
            return exempted.value < cut.value
        }

        mutating func insert(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore) -> RevokeBefore {
            var merged = cuts[key]?.cut ?? cut
            merged.value = max(merged.value, cut.value)
            merged.expires = max(merged.expires, cut.expires)
            cuts[key] = (kind, merged)
            return merged
        }

        mutating func exempt(_ sid: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBefore) {
            let name = Exempted(sid: sid, kind: kind)
            guard cut.value > exempted[name]?.value ?? 0 else { return }
            exempted[name] = cut
        }
    }

    private let state = Mutex(State())
    /// The newest cut of each kind, 0 if there is none: a session begun later needs no look at names.
    private let newest: InlineArray<5, Atomic<UInt64>> = .init { _ in Atomic(0) }

    var count: Int { state.withLock { $0.cuts.count } }
    var sparedCount: Int { state.withLock { $0.exempted.count } }

    /// What the journal calls it: SHA-256 of the kind's octet and the name, the first 16 octets.
    static func key(_ kind: RevokeBeforeKind, _ name: Span<UInt8>) -> UUID {
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

    /// A cut from the journal.
    func insert(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore) {
        state.withLock { state in
            let merged = state.insert(kind, key, cut)
            publish(kind, max(newest(kind), merged.value))
        }
    }

    /// From the journal: lets a session live through a cut and the ones of that kind before it.
    func exempt(_ sid: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBefore) {
        state.withLock { $0.exempt(sid, kind, cut) }
    }

    /// Decides whether `asker` may still order a cut, and makes it, in one step.
    ///
    /// The value is drawn under the lock that looks for earlier cuts. Otherwise a session that an operator has just cut
    /// could draw a later value than the operator, and exempt itself.
    /// - Parameters:
    ///   - asker: on whose behalf; `nil` for an operator or the service itself.
    ///   - isEnded: whether that session was revoked by itself.
    ///   - draw: the high half of a new UUIDv7.
    func make(
        _ kind: RevokeBeforeKind, _ key: UUID, expires: Int64, for asker: RevokingSession?, isEnded: (UUID) -> Bool,
        draw: () -> UInt64
    ) -> Result<RevokeBefore, Denied> {
        let asked = asker.map {
            (asker: $0, client: Self.key(.client, $0.client.span), kid: Self.key(.key, $0.kid.span))
        }
        let everything = Self.key(.all, Span())
        return state.withLock { state in
            if let (asker, client, kid) = asked {
                let (sid, born) = (asker.sid, asker.sid.high)
                if isEnded(sid) { return .failure(Denied(denial: .session)) }
                if state.isCut(.all, everything, born, sid) { return .failure(Denied(denial: .all)) }
                if state.isCut(.key, kid, born, sid) { return .failure(Denied(denial: .key)) }
                if state.isCut(.client, client, born, sid) { return .failure(Denied(denial: .client)) }
                if kind == .subject, state.isCut(.subject, key, born, sid) {
                    return .failure(Denied(denial: .subject))
                }
            }
            let cut = RevokeBefore(value: draw(), expires: expires)
            // Before the cut: a reader between two looks at `newest` never finds the exempted session refused.
            if let asker, asker.isSpared { state.exempt(asker.sid, kind, cut) }
            let merged = state.insert(kind, key, cut)
            publish(kind, max(newest(kind), merged.value))
            return .success(cut)
        }
    }

    func purge(expiredAt now: Int64) {
        state.withLock { state in
            // Apart from the cuts: one that is renewed again and again outlives all who were exempted on the way.
            state.exempted = state.exempted.filter { $0.value.expires > now }
            guard state.cuts.values.contains(where: { $0.cut.expires <= now }) else { return }
            state.cuts = state.cuts.filter { $0.value.cut.expires > now }
            for kind in RevokeBeforeKind.allCases {
                publish(kind, state.cuts.values.reduce(0) { $1.kind == kind ? max($0, $1.cut.value) : $0 })
            }
        }
    }

    private func isCut(_ kind: RevokeBeforeKind, _ name: Span<UInt8>, _ born: UInt64, _ sid: UUID?) -> Bool {
        let key = Self.key(kind, name)
        return state.withLock { $0.isCut(kind, key, born, sid) }
    }

    private func newest(_ kind: RevokeBeforeKind) -> UInt64 {
        newest[Int(kind.rawValue)].load(ordering: .acquiring)
    }

    /// Called with the lock held, so that a later cut is never hidden by an earlier one.
    private func publish(_ kind: RevokeBeforeKind, _ value: UInt64) {
        newest[Int(kind.rawValue)].store(value, ordering: .releasing)
    }
}
