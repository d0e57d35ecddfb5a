import Encoding
import Platform
@testable import Revocation
import Synchronization
import Testing

@Suite("The newest revocations in memory")
struct RevocationFeedTests {
    private static let now: UnixMilliseconds = 1_790_000_000_000

    private static func position(_ seq: UInt64, epoch: UInt32 = 1) -> LedgerPosition {
        LedgerPosition(epoch: epoch, seq: seq)
    }

    private static func event(_ number: UInt64) -> RevocationEvent {
        .sessionRevoked(sid: UUID(high: number, low: 1), expires: 1_800_000_000_000, reason: 1)
    }

    private static func record(_ seq: UInt64, at time: UnixMilliseconds = now, epoch: UInt32 = 1) -> LedgerRecord {
        LedgerRecord(position: position(seq, epoch: epoch), time: time, event: event(seq))
    }

    /// A feed that has begun after the record `head` of a log.
    private static func feed(at head: UInt64 = 0) -> RevocationFeed {
        let feed = RevocationFeed(now: now)
        feed.begin(at: position(head))
        return feed
    }

    private static func seqs(_ answer: FeedAnswer) -> [UInt64] { answer.records.map(\.position.seq) }

    @Test func `a reader gets what came after its position`() throws {
        let feed = Self.feed()
        feed.records([Self.record(2), Self.record(5)], head: Self.position(6))
        #expect(Self.seqs(try feed.answer(after: Self.position(0))) == [2, 5])
        #expect(Self.seqs(try feed.answer(after: Self.position(1))) == [2, 5])
        #expect(Self.seqs(try feed.answer(after: Self.position(2))) == [5])
        let none = try feed.answer(after: Self.position(5))
        #expect(none.isEmpty)
        #expect(none.position == Self.position(6))
        #expect(try feed.answer(after: Self.position(6)).position == Self.position(6))
    }

    @Test func `a long answer says that there is more, and the reader continues after its last record`() throws {
        let feed = Self.feed()
        feed.records((1...10).map { Self.record($0) }, head: Self.position(10))
        var position = Self.position(0)
        var seen: [UInt64] = []
        var counts: [Int] = []
        repeat {
            let answer = try feed.answer(after: position, countMax: 4)
            seen += Self.seqs(answer)
            counts.append(answer.records.count)
            #expect(answer.head == Self.position(10))
            #expect(answer.hasMore == (answer.position < answer.head))
            position = answer.position
        } while position.seq < 10
        #expect(seen == Array(1...10))
        #expect(counts == [4, 4, 2])
    }

    @Test func `positions that are not of this log are rejected`() throws {
        let feed = Self.feed()
        feed.records([Self.record(2)], head: Self.position(6))
        #expect(throws: FeedGap.ahead) { try feed.answer(after: Self.position(7)) }
        #expect(throws: FeedGap.unknown) { try feed.answer(after: Self.position(2, epoch: 2)) }
    }

    @Test func `records of more than an hour ago are gone`() throws {
        let feed = Self.feed()
        feed.records(
            [Self.record(1), Self.record(2, at: Self.now.adding(milliseconds: 1_000))], head: Self.position(2))
        feed.records([Self.record(3, at: Self.now.adding(milliseconds: 3_600_001))], head: Self.position(3))
        #expect(throws: FeedGap.gone) { try feed.answer(after: Self.position(0)) }
        #expect(Self.seqs(try feed.answer(after: Self.position(1))) == [2, 3])
        // The last one stays, however old it is.
        #expect(feed.count == 2)
    }

    @Test func `at most 65,536 records are kept`() throws {
        let feed = Self.feed()
        let countMax = UInt64(RevocationFeed.recordCountMax)
        for start in stride(from: UInt64(1), through: countMax * 2, by: 4_096) {
            let batch = (start..<(start + 4_096)).map { Self.record($0) }
            feed.records(batch, head: Self.position(start + 4_095))
        }
        #expect(feed.count == RevocationFeed.recordCountMax)
        #expect(throws: FeedGap.gone) { try feed.answer(after: Self.position(countMax - 1)) }
        let answer = try feed.answer(after: Self.position(countMax))
        #expect(answer.records.first?.position.seq == countMax + 1)
        #expect(answer.records.count == FeedAnswer.recordCountMax)
    }

    @Test func `a record that is repeated or older changes nothing`() throws {
        let feed = Self.feed()
        feed.records([Self.record(4)], head: Self.position(4))
        feed.records([Self.record(4), Self.record(3), Self.record(5)], head: Self.position(5))
        #expect(Self.seqs(try feed.answer(after: Self.position(0))) == [4, 5])
        #expect(feed.publishedCount == 2)
    }

    @Test func `a log that is opened fills the feed, in whatever order its records come`() throws {
        let feed = RevocationFeed(now: Self.now)
        func replay(_ seq: UInt64, _ age: Int64) {
            let time = Self.now.adding(milliseconds: -age)
            feed.replay(Self.event(seq), at: LedgerStamp(Self.position(seq), time: time))
        }
        replay(9, 10)
        replay(3, 3_600_001)
        replay(5, 3_600_000)
        replay(7, 20)
        feed.begin(at: Self.position(12))
        #expect(Self.seqs(try feed.answer(after: Self.position(3))) == [5, 7, 9])
        #expect(throws: FeedGap.gone) { try feed.answer(after: Self.position(2)) }
        #expect(feed.head == Self.position(12))
    }

    @Test func `a new epoch begins without the records of the one before`() throws {
        let feed = Self.feed()
        feed.records([Self.record(1)], head: Self.position(1))
        feed.epoch(2)
        #expect(throws: FeedGap.unknown) { try feed.answer(after: Self.position(1)) }
        feed.records([Self.record(2_097_152, epoch: 2)], head: Self.position(2_097_152, epoch: 2))
        #expect(throws: FeedGap.gone) { try feed.answer(after: Self.position(0, epoch: 2)) }
        let answer = try feed.answer(after: Self.position(1, epoch: 2))
        #expect(answer.records.map(\.position) == [Self.position(2_097_152, epoch: 2)])
    }

    @Test func `after a reset only later records are known`() throws {
        let feed = Self.feed()
        feed.records([Self.record(1)], head: Self.position(1))
        feed.reset(Self.position(100))
        // Of the snapshot: a reader cannot know which of them are new to it.
        feed.records([Self.record(40), Self.record(50)], head: Self.position(100))
        feed.caughtUp(Self.position(100))
        #expect(throws: FeedGap.gone) { try feed.answer(after: Self.position(60)) }
        feed.records([Self.record(101)], head: Self.position(101))
        #expect(Self.seqs(try feed.answer(after: Self.position(100))) == [101])
    }

    @Test func `the observer learns whether readers get something`() {
        let feed = Self.feed()
        let news = Mutex<[Bool]>([])
        feed.observe { hasNews in news.withLock { $0.append(hasNews) } }
        feed.records([], head: Self.position(1))
        feed.records([Self.record(2)], head: Self.position(2))
        let rotated = RevocationEvent.rotated(sid: UUID(high: 1, low: 1), generation: 1, request: 0, sessionEnd: 9)
        feed.records(
            [LedgerRecord(position: Self.position(3), time: Self.now, event: rotated)], head: Self.position(3))
        feed.reset(Self.position(9))
        #expect(news.withLock { $0 } == [false, true, false, true])
    }
}
