import Encoding
import Platform
@testable import Revocation
import Testing

@Suite("A token that an operator names without its own end")
struct AnyEndTests {
    private let jti = UUID(high: 1, low: 1)

    private func isDenied(_ store: RevocationStore, expiringIn milliseconds: Int64, _ harness: Harness) -> Bool {
        store.denied(nil, jti: jti, issuedAt: harness.now, expiresAt: harness.now.adding(milliseconds: milliseconds))
            == .token
    }

    @Test func `is refused whatever its end, after a restart and a compaction as well`() throws {
        let harness = Harness()
        var store = try harness.open()
        _ = store.done { store.revokeToken(jti, expiresAt: harness.now.adding(milliseconds: 5_000), $0) }
        #expect(!isDenied(store, expiringIn: 600_000, harness))
        _ = store.done { store.revokeTokenOfAnyEnd(jti, expiresAt: harness.now.adding(milliseconds: 5_000), $0) }
        let ends: [Int64] = [0, 5_000, 600_000, 3_600_000, 86_400_000]
        for end in ends { #expect(isDenied(store, expiringIn: end, harness)) }
        #expect(store.denied(nil, jti: UUID(high: 1, low: 2), issuedAt: harness.now, expiresAt: harness.now) == nil)
        // Both records stay: the first one says less.
        let monotonic = harness.monotonic.load(ordering: .relaxed)
        #expect(try store.compact(now: harness.now, monotonic: monotonic).keptCount == 2)
        store.close()
        store = try harness.reopen()
        for end in ends { #expect(isDenied(store, expiringIn: end, harness)) }
        store.close()
    }

    @Test func `is kept for as long as any token lives, or longer if its end is said to be later`() throws {
        let harness = Harness()
        let store = try harness.open()
        _ = store.done { store.revokeTokenOfAnyEnd(jti, expiresAt: 0, $0) }
        _ = store.done {
            store.revokeTokenOfAnyEnd(UUID(high: 1, low: 2), expiresAt: harness.now.adding(milliseconds: 3 * day), $0)
        }
        let kept = try harness.records().filter { $0.kind == .revokeToken }.map {
            $0.expires.milliseconds(since: harness.now)
        }
        #expect(kept == [day, 3 * day])
        #expect(store.counts.revokedTokens == 2)
        harness.advance(day - 60_000)
        harness.purge(store)
        #expect(isDenied(store, expiringIn: 60_000, harness))
        harness.advance(3 * day)
        harness.purge(store)
        harness.advance(TimeEvidence.probation + 1)
        harness.purge(store)
        #expect(store.counts.revokedTokens == 0)
        store.close()
    }
}
