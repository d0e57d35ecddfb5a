import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("Revocations that the log could not record")
struct LostRevocationsTests {
    private let harness = Harness()
    private let end: UnixMilliseconds = 1_800_000_600_000

    /// Waits until what was appended is durable.
    private func settle(_ store: RevocationStore) {
        _ = store.done { store.revokeToken(UUID(high: 9, low: 9), expiresAt: end, $0) }
    }

    @Test func `are recorded when it can be written again, whole and once`() throws {
        var store = try harness.open()
        let (one, kept, other) = (store.identifiers.next(), store.identifiers.next(), store.identifiers.next())
        let jti = UUID(high: 1, low: 2)
        #expect(store.recordLost() == 0)
        harness.disk.fail()
        let far = harness.now.adding(milliseconds: day)
        #expect(throws: JournalError.self) { try store.done { store.revokeSession(one, expiresAt: far, $0) }.get() }
        #expect(throws: JournalError.self) { try store.done { store.revokeToken(jti, expiresAt: end, $0) }.get() }
        #expect(throws: JournalError.self) {
            try store.done { done in
                store.cut(
                    .subject, name: Array("bob".utf8), for: RevokingSession(sid: kept, isExempt: true), done)
            }.get()
        }
        #expect(store.recordLost() == 0)
        harness.disk.heal()
        harness.awaitWritable(store)
        #expect(store.recordLost() == 3)
        settle(store)
        #expect(store.recordLost() == 0)
        for _ in 0..<2 {
            #expect(store.denied(one) == .session && store.denied(nil, jti: jti, expiresAt: end) == .token)
            #expect(store.denied(other, subject: "bob") == .subject && store.denied(kept, subject: "bob") == nil)
            store.close()
            store = try harness.open()
        }
        store.close()
    }

    @Test func `that fail again are kept`() throws {
        let store = try harness.open()
        let sid = store.identifiers.next()
        harness.disk.fail()
        let far = harness.now.adding(milliseconds: day)
        _ = store.done { store.revokeSession(sid, expiresAt: far, $0) }
        harness.disk.heal()
        harness.awaitWritable(store)
        harness.disk.fail()
        #expect(store.recordLost() == 1)
        _ = store.done { store.revokeSession(sid, expiresAt: far, $0) }
        harness.disk.heal()
        harness.awaitWritable(store)
        #expect(store.recordLost() == 2)
        store.close()
    }

    @Test func `are revocations only: a login or a refresh that failed is not recorded later`() throws {
        let store = try harness.open()
        let sid = store.identifiers.next()
        harness.disk.fail()
        guard case .unavailable = store.rotated(sid, 0) else {
            Issue.record("rotated")
            return
        }
        #expect(store.began(harness.entry(store)) == nil)
        harness.disk.heal()
        harness.awaitWritable(store)
        #expect(store.recordLost() == 0)
        store.close()
    }
}
