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
        var cuts: [UUID: Cut] = [:]
        var exempted: [Exempted: Exemption] = [:]

        func isCut(_ kind: RevokeBeforeKind, _ key: UUID, _ birth: Birth, _ sid: UUID?) -> Bool {
            guard let cut = cuts[key] else { return false }
            return cut.ends(birth, exempted: sid.flatMap { exempted[Exempted(sid: $0, kind: kind)] })
        }

        /// - Parameter seq: the number of its record; nil if it is not durable yet.
        mutating func insert(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore, seq: UInt64?) -> Cut {
            var merged = cuts[key] ?? Cut(kind, expires: cut.expires)
            if let seq { merged.record(cut, seq: seq) } else { merged.add(cut) }
            cuts[key] = merged
            return merged
        }

        mutating func exempt(_ sid: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBefore, seq: UInt64) {
            let name = Exempted(sid: sid, kind: kind)
            var merged = exempted[name] ?? Exemption(value: 0, expires: cut.expires, seq: 0)
            if cut.value > merged.value { (merged.value, merged.expires) = (cut.value, cut.expires) }
            merged.seq = max(merged.seq, seq)
            exempted[name] = merged
        }
    }

    private let state = Mutex(State())
    /// The newest revoke-before time of each kind, 0 if there is none: for a session that began later, no name is
    /// hashed.
    private let newest: InlineArray<5, Atomic<UInt64>> = .init { _ in Atomic(0) }
    /// The same for what is compared by the numbers of records.
    private let newestSeq: InlineArray<5, Atomic<UInt64>> = .init { _ in Atomic(0) }
    private let newestPending: InlineArray<5, Atomic<UInt64>> = .init { _ in Atomic(0) }

    var count: Int { state.withLock { $0.cuts.count } }
    var exemptCount: Int { state.withLock { $0.exempted.count } }

    /// Returns the key in the journal: the first 16 bytes of SHA-256 over the byte of the kind and the name.
    static func key(_ kind: RevokeBeforeKind, _ name: Span<UInt8>) -> UUID {
        let prefix: InlineArray<1, UInt8> = [kind.rawValue]
        return SHA256.digest128(prefix.span, name)
    }

    /// Returns why a token is rejected, or nil.
    ///
    /// - Parameter kid: nil where keys do not matter.
    func denial(
        born: Birth, sid: UUID?, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>?
    ) -> Denial? {
        if mayEnd(.all, born), isCut(.all, Span(), born, sid) { return .all }
        if newest(.key) != 0, let kid, isCut(.key, kid, born, sid) { return .key }
        if mayEnd(.client, born), isCut(.client, client, born, sid) { return .client }
        if mayEnd(.subject, born), isCut(.subject, subject, born, sid) { return .subject }
        return nil
    }

    /// Whether a session is rejected that is known by the key of its subject. Keys of tokens are not considered.
    ///
    /// - Parameter client: the key of its client; computed only if it can matter.
    func covers(born: Birth, sid: UUID, subject: UUID, client: () -> UUID) -> Bool {
        if mayEnd(.all, born), isCut(.all, Span(), born, sid) { return true }
        if mayEnd(.client, born), state.withLock({ [key = client()] in $0.isCut(.client, key, born, sid) }) {
            return true
        }
        return mayEnd(.subject, born) && state.withLock { $0.isCut(.subject, subject, born, sid) }
    }

    /// The newest revoke-before time of this kind, as the high half of a UUIDv7; nil if there is none.
    func newestValue(_ kind: RevokeBeforeKind) -> UInt64? {
        let value = newest(kind)
        return value == 0 ? nil : value
    }

    /// The revoke-before time of one key, as the high half of a UUIDv7.
    func value(of key: UUID) -> UInt64? { state.withLock { $0.cuts[key]?.value } }

    /// Inserts a revoke-before time from the ledger.
    ///
    /// - Parameter seq: the number of its record.
    func insert(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore, seq: UInt64) {
        state.withLock { state in publish(state.insert(kind, key, cut, seq: seq), in: state) }
    }

    /// Applies a revoke-before time that this process accepted and that the ledger does not have yet.
    func hold(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore) {
        state.withLock { state in publish(state.insert(kind, key, cut, seq: nil), in: state) }
    }

    /// Notes that a revoke-before time is durable that ``make(_:_:expires:for:isEnded:draw:)`` has set.
    ///
    /// - Parameter exempted: the session that survives it.
    func settle(_ kind: RevokeBeforeKind, _ key: UUID, _ cut: RevokeBefore, exempted: UUID?, seq: UInt64) {
        state.withLock { state in
            if let exempted { state.exempt(exempted, kind, cut, seq: seq) }
            state.cuts[key]?.settle(cut, seq: seq)
            if let cut = state.cuts[key] { publish(cut, in: state) }
        }
    }

    /// Exempts a session from a revoke-before time and from earlier ones of that kind, as read from the ledger.
    ///
    /// - Parameter seq: the number of the record of that revoke-before time.
    func exempt(_ sid: UUID, _ kind: RevokeBeforeKind, _ cut: RevokeBefore, seq: UInt64) {
        state.withLock { $0.exempt(sid, kind, cut, seq: seq) }
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
                let (sid, born) = (asker.sid, Birth(id: asker.sid.high, seq: asker.birth))
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
            if let asker, asker.isExempt { state.exempt(asker.sid, kind, cut, seq: 0) }
            publish(state.insert(kind, key, cut, seq: nil), in: state)
            return .success(cut)
        }
    }

    func purge(expiredAt now: UnixMilliseconds) {
        state.withLock { state in
            // Separate from the revoke-before times, because one that is renewed repeatedly outlives all earlier exempt
            // sessions.
            state.exempted = state.exempted.filter { $0.value.expires > now }
            guard state.cuts.values.contains(where: { $0.expires <= now }) else { return }
            state.cuts = state.cuts.filter { $0.value.expires > now }
            for kind in RevokeBeforeKind.allCases {
                let cuts = state.cuts.values.filter { $0.kind == kind }
                store(kind, cuts.map(\.value).max(), cuts.map(\.seq).max(), cuts.map(\.pendingValue).max())
            }
        }
    }

    private func isCut(_ kind: RevokeBeforeKind, _ name: Span<UInt8>, _ born: Birth, _ sid: UUID?) -> Bool {
        let key = Self.key(kind, name)
        return state.withLock { $0.isCut(kind, key, born, sid) }
    }

    /// Whether any revoke-before time of this kind can end what began with `birth`.
    @inline(__always)
    private func mayEnd(_ kind: RevokeBeforeKind, _ birth: Birth) -> Bool {
        guard let seq = birth.seq else { return birth.id < newest(kind) }
        let index = Int(kind.rawValue)
        return seq < newestSeq[index].load(ordering: .acquiring)
            || birth.id < newestPending[index].load(ordering: .acquiring)
    }

    private func newest(_ kind: RevokeBeforeKind) -> UInt64 {
        newest[Int(kind.rawValue)].load(ordering: .acquiring)
    }

    /// Called with the lock held, so that an earlier revoke-before time never hides a later one.
    private func publish(_ cut: Cut, in state: State) {
        let index = Int(cut.kind.rawValue)
        // One that is settled no longer counts as pending, but another one may.
        let pending =
            newestPending[index].load(ordering: .acquiring) == 0 && cut.pendingValue == 0
            ? 0 : state.cuts.values.reduce(0) { $1.kind == cut.kind ? max($0, $1.pendingValue) : $0 }
        store(
            cut.kind, max(newest(cut.kind), cut.value),
            max(newestSeq[index].load(ordering: .acquiring), cut.seq), pending)
    }

    private func store(_ kind: RevokeBeforeKind, _ value: UInt64?, _ seq: UInt64?, _ pending: UInt64?) {
        let index = Int(kind.rawValue)
        newest[index].store(value ?? 0, ordering: .releasing)
        // Before the pending one is removed, so that no reader finds neither.
        newestSeq[index].store(seq ?? 0, ordering: .releasing)
        newestPending[index].store(pending ?? 0, ordering: .releasing)
    }
}
