import Encoding
import Foundation
import Journal
import Platform
@testable import Revocation
import Testing

@Suite("A journal that was rolled back")
struct RollbackTests {
    private func open(_ harness: Harness, _ mark: HighWaterMark) throws -> RevocationStore {
        var journal = FileLedgerSource(
            directory: harness.path, clock: WallClock { harness.now }, random: { harness.random() })
        journal.highWaterMarks = [mark]
        return try RevocationStore.open(
            RevocationOptions(
                ledger: journal, grace: 0, sessionMax: day, clock: WallClock { harness.now }, monotonicNow: { 0 },
                random: { harness.random() }))
    }

    @Test func `an older copy of the directory is refused, and the lock given back`() throws {
        let harness = Harness()
        let store = try harness.open()
        store.close()
        let copy = harness.path + "-old"
        try FileManager.default.copyItem(atPath: harness.path, toPath: copy)
        let later = try harness.open()
        _ = try later.done {
            later.revokeToken(UUID(high: 1, low: 1), expiresAt: harness.now.adding(milliseconds: day), $0)
        }.get()
        later.close()
        let mark = try #require(later.highWaterMark)
        try open(harness, mark).close()
        try FileManager.default.removeItem(atPath: harness.path)
        try FileManager.default.moveItem(atPath: copy, toPath: harness.path)
        for _ in 0..<2 {
            #expect {
                try open(harness, mark)
            } throws: {
                guard case JournalError.rolledBack = $0 else { return false }
                return true
            }
        }
    }

    @Test func `a session from before the clock was set back does not outrun a cut`() throws {
        let harness = Harness()
        let store = try harness.open()
        let sid = store.identifiers.next()
        // Whatever is written tells the next process how late it was.
        _ = try store.done {
            store.revokeToken(UUID(high: 1, low: 1), expiresAt: harness.now.adding(milliseconds: day), $0)
        }.get()
        store.close()
        harness.set(harness.now.adding(milliseconds: -day))
        let next = try harness.open()
        _ = try next.done { next.cut(.all, name: [], $0) }.get()
        #expect(next.denied(sid) == .all)
        #expect(next.denied(next.identifiers.next()) == nil)
        next.close()
    }
}
