internal import Encoding
internal import OpenSSL
import Platform
internal import Synchronization

/// The revoke-before times: it rejects everything of a subject, of a client or of all sessions that began before the
/// given time, and everything of a revoked key.
final class RevokeBeforeTable: Sendable {
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
    /// The newest revoke-before time of each kind, 0 if there is none: for a session that began later, no name is
    /// hashed.
    private let newest: InlineArray<5, Atomic<UInt64>> = .init { _ in Atomic(0) }

    var count: Int { state.withLock { $0.cuts.count } }
    var exemptCount: Int { state.withLock { $0.exempted.count } }

    /// Returns the key in the journal: the first 16 bytes of SHA-256 over the byte of the kind and the name.
    static func key(_ kind: RevokeBeforeKind, _ name: Span<UInt8>) -> UUID {
        let prefix: InlineArray<1, UInt8> = [kind.rawValue]
        return SHA256.digest128(prefix.span, name)
    }

    /// Returns why a token is rejected, or nil.
    ///
    /// - Parameters:
    ///   - born: the high half of the session id, or of the time of issue for a token without a session.
    ///   - kid: nil where keys do not matter.
    func denial(
        born: UInt64, sid: UUID?, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>?
    ) -> Denial? {
        if born < newest(.all), isCut(.all, Span(), born, sid) { return .all }
        if newest(.key) != 0, let kid, isCut(.key, kid, born, sid) { return .key }
        if born < newest(.client), isCut(.client, client, born, sid) { return .client }
        if born < newest(.subject), isCut(.subject, subject, born, sid) { return .subject }
        return nil
    }

    /// Whether a session is rejected that is known by the key of its subject. Keys of tokens are not considered.
    ///
    /// - Parameter client: the key of its client; computed only if it can matter.
    func covers(born: UInt64, sid: UUID, subject: UUID, client: () -> UUID) -> Bool {
        if born < newest(.all), isCut(.all, Span(), born, sid) { return true }
        if born < newest(.client), state.withLock({ [key = client()] in $0.isCut(.client, key, born, sid) }) {
            return true
        }
        return born < newest(.subject) && state.withLock { $0.isCut(.subject, subject, born, sid) }
    }

    /// The newest revoke-before time of this kind, as the high half of a UUIDv7; nil if there is none.
    func newestValue(_ kind: RevokeBeforeKind) -> UInt64? {
        let value = newest(kind)
        return value == 0 ? nil : value
    }

    /// Inserts a revoke-before time from the journal.
    func insert(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore) {
        state.withLock { state in
            let merged = state.insert(kind, key, cut)
            publish(kind, max(newest(kind), merged.value))
        }
    }

    /// Exempts a session from a revoke-before time and from earlier ones of that kind, as read from the journal.
    func exempt(_ sid: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBefore) {
        state.withLock { $0.exempt(sid, kind, cut) }
    }

    /// Checks whether `asker` may still set a revoke-before time, and sets it, in one step.
    ///
    /// The value is drawn while the lock is held that protects earlier revoke-before times. Otherwise a session that an
    /// operator has just revoked could draw a later value than the operator, and exempt itself.
    ///
    /// - Parameters:
    ///   - asker: the session that requests it; `nil` for an operator or the service itself.
    ///   - isEnded: whether that session itself was revoked.
    ///   - draw: returns the high half of a new UUIDv7.
    func make(
        _ kind: RevokeBeforeKind, _ key: UUID, expires: UnixMilliseconds, for asker: RevokingSession?,
        isEnded: (UUID) -> Bool,
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
            // Before the revoke-before time, so that a reader between two loads of `newest` never rejects the exempt
            // session.
            if let asker, asker.isExempt { state.exempt(asker.sid, kind, cut) }
            let merged = state.insert(kind, key, cut)
            publish(kind, max(newest(kind), merged.value))
            return .success(cut)
        }
    }

    func purge(expiredAt now: UnixMilliseconds) {
        state.withLock { state in
            // Separate from the revoke-before times, because one that is renewed repeatedly outlives all earlier exempt
            // sessions.
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

    /// Called with the lock held, so that an earlier revoke-before time never hides a later one.
    private func publish(_ kind: RevokeBeforeKind, _ value: UInt64) {
        newest[Int(kind.rawValue)].store(value, ordering: .releasing)
    }
}
