import Encoding
@testable import Journal
import Platform
import Testing

@Suite("What the journal thread waits for")
struct WriterWaitTests {
    private var queue = JournalQueue(
        lastSeq: 0, lastTime: 0, options: JournalOptions(clock: WallClock { 0 }, random: { 1 }))
    private var batch = JournalQueue.Batch()
    private var wait = WriterWait()

    private mutating func add(_ count: Int) {
        for number in 0..<count {
            _ = queue.push(JournalRecord(.entry, key: UUID(high: 0, low: UInt64(number)), expires: 0))
        }
    }

    /// Looks until the wait goes on or ends.
    private mutating func look(isTimeUp: Bool = false) -> WriterWait.Step? {
        while true {
            let step = wait.look(&queue, &batch, isTimeUp: isTimeUp)
            if let step, step == .otherPhase { continue }
            return step
        }
    }

    /// Returns whether the writer is signaled.
    private mutating func rest() -> Bool { queue.noteRest() }

    /// Commits a batch at once, as a writer does that finds it after a write.
    private mutating func commit(_ count: Int) {
        wait.begin(retryMilliseconds: nil)
        add(count)
        _ = queue.noteRest()
        #expect(look() == .commit && batch.records.count == count)
    }

    @Test mutating func `one client is never delayed, even with two records at once`() {
        for count in [1, 2, 1, 2, 2] {
            wait.begin(retryMilliseconds: nil)
            add(count)
            #expect(look() == .commit && batch.records.count == count)
        }
    }

    @Test mutating func `with several clients it waits until a thread rests`() {
        commit(3)
        wait.begin(retryMilliseconds: nil)
        #expect(look() == nil && wait.nanosecondsMax == nil)
        add(1)
        #expect(look() == nil && wait.nanosecondsMax == WriterWait.waitMax)
        add(5)
        #expect(look() == nil && !queue.wakesWriter)
        #expect(rest())
        #expect(!rest())
        #expect(look() == .commit && batch.records.count == 6)
        #expect(!queue.isDue)
    }

    @Test mutating func `after a failure the writer is signaled for the next record`() {
        wait.begin(retryMilliseconds: nil)
        add(1)
        #expect(look() == .commit)
        // Others come in while the write fails.
        add(2)
        #expect(rest())
        _ = queue.fail(.closed)
        queue.recover(after: queue.opening(after: 0, UUID(high: 0, low: 1)))
        #expect(!queue.isDue)
        wait.begin(retryMilliseconds: nil)
        #expect(look() == nil)
        add(1)
        #expect(rest())
        #expect(look() == .commit)
    }

    @Test mutating func `a rest before the responses of a write does not count after them`() {
        commit(3)
        add(2)
        #expect(rest())
        queue.expectMore()
        wait.begin(retryMilliseconds: nil)
        #expect(look() == nil)
        #expect(rest())
        #expect(look() == .commit && batch.records.count == 2)
    }

    @Test mutating func `without a rest it waits no longer than its limit, and for no more than enough records`() {
        commit(3)
        wait.begin(retryMilliseconds: nil)
        add(1)
        #expect(look() == nil)
        #expect(look(isTimeUp: true) == .commit && batch.records.count == 1)
        wait.begin(retryMilliseconds: nil)
        add(WriterWait.countMax - 1)
        #expect(look() == nil)
        add(1)
        #expect(queue.wakesWriter && look() == .commit && batch.records.count == WriterWait.countMax)
    }

    @Test mutating func `a rest without records makes nothing due`() {
        #expect(!rest() && !queue.isDue)
    }

    @Test mutating func `it expects others for a while after the last large batch, and at the end nobody`() {
        commit(3)
        for _ in 0..<WriterWait.crowdCount {
            #expect(wait.crowd > 0)
            commit(1)
        }
        #expect(wait.crowd == 0)
        wait.begin(retryMilliseconds: nil)
        add(1)
        #expect(look() == .commit)
    }

    @Test mutating func `the end of the journal waits for nobody`() {
        commit(3)
        wait.begin(retryMilliseconds: nil)
        add(1)
        #expect(look() == nil)
        queue.close()
        #expect(queue.wakesWriter && look() == .commit && batch.records.count == 2)
    }
}
