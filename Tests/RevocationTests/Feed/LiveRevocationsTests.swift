import Encoding
import Foundation
import Journal
import OpenSSL
import Platform
@testable import Revocation
import Testing

@Suite("Everything that is revoked")
struct LiveRevocationsTests {
    private let harness = Harness()

    private func sid(_ number: UInt64) -> Encoding.UUID {
        Encoding.UUID(high: Encoding.UUID.version7High(milliseconds: harness.now) | number, low: 1 << 63 | number)
    }

    private func collect(_ store: RevocationStore) throws -> (live: LiveRevocations, records: [FeedRecord]) {
        let live = try store.liveRevocations(
            in: harness.path, now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
        let bytes = try live.bytes(0..<live.byteCount)
        #expect(live.digest == SHA256.digest(bytes.span))
        #expect(try live.digest(after: [1, 2]) == SHA256.digest(([1, 2] + bytes).span))
        return (live, try FeedCodec.records(bytes.span, epoch: live.position.epoch))
    }

    private func settle(_ body: (@escaping RevocationStore.Completion) -> Void) {
        let done = DispatchSemaphore(value: 0)
        body { _ in done.signal() }
        #expect(done.wait(timeout: .now() + 10) == .success)
    }

    @Test func `is in one ascending list with the merged revoke-before times, before and after a compaction`() throws {
        let store = try harness.open()
        let day = Int64(86_400_000)
        let end = harness.now.adding(milliseconds: 30 * day)
        settle { store.revokeSession(sid(1), expiresAt: end, reason: 1, $0) }
        settle { done in store.cut(.subject, name: Array("a".utf8), reason: 5, done) }
        settle { store.revokeToken(sid(2), expiresAt: harness.now.adding(milliseconds: 600_000), $0) }
        settle { done in store.cut(.subject, name: Array("a".utf8), reason: 5, done) }
        // The same again.
        settle { store.revokeSession(sid(1), expiresAt: end, reason: 1, $0) }
        settle { done in
            store.cut(
                .subject, name: Array("b".utf8), for: RevokingSession(sid: sid(3), isExempt: true), done)
        }
        let before = try collect(store)
        let kinds = before.records.map { record in
            switch record.event {
            case .sessionRevoked: "session"
            case .tokenRevoked: "token"
            case .revokedBefore: "cut"
            case .exempted: "spare"
            default: "other"
            }
        }
        #expect(kinds == ["session", "token", "cut", "spare", "cut"])
        #expect(before.live.position == store.position && before.live.count == 5)
        let spare = before.records[3]
        #expect(spare.beforeSeq == before.records[4].beforeSeq)
        _ = try store.compact(now: harness.now, monotonic: harness.monotonic.load(ordering: .relaxed))
        let after = try collect(store)
        #expect(after.records == before.records)
        #expect(after.live.position > before.live.position)
        store.close()
        #expect(throws: LiveRevocationsError.self) {
            try store.liveRevocations(in: harness.path, now: harness.now, monotonic: 0)
        }
    }

    @Test func `leaves out rotations, sessions and what has certainly expired`() throws {
        let store = try harness.open()
        settle { store.revokeToken(sid(2), expiresAt: harness.now.adding(milliseconds: 600_000), $0) }
        let done = DispatchSemaphore(value: 0)
        store.begin(sid(7)) { _ in done.signal() }
        #expect(done.wait(timeout: .now() + 10) == .success)
        #expect(try collect(store).records.count == 1)
        // The clock is trusted after both clocks have agreed for a while.
        for _ in 0..<(24 * 16) {
            harness.advance(1_800_000)
            harness.purge(store)
        }
        #expect(try collect(store).records.isEmpty)
        store.close()
    }

    @Test func `a hundred thousand are collected in order`() throws {
        let store = try harness.open()
        let end = harness.now.adding(milliseconds: 86_400_000)
        let group = DispatchGroup()
        for number in 0..<100_000 {
            group.enter()
            store.revokeSession(
                sid(UInt64(number) & 0xfff), expiresAt: end.adding(milliseconds: Int64(number)), reason: 1
            ) { _ in
                group.leave()
            }
        }
        settle { done in store.cut(.all, name: [], done) }
        group.wait()
        let found = try collect(store)
        #expect(found.live.count == 100_001)
        store.close()
    }
}
