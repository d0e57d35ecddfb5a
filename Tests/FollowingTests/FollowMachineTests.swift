@testable import Following
import HTTPClient
import Revocation
import Testing

@Suite("What a follower asks next")
struct FollowMachineTests {
    private static let away = FollowFault.fetch(.timedOut(address: "a"))

    private func at(_ seq: UInt64, epoch: UInt32 = 1) -> LedgerPosition { LedgerPosition(epoch: epoch, seq: seq) }

    private func machine(_ position: LedgerPosition?, sources: Int = 1) -> FollowMachine {
        FollowMachine(sourceCount: sources, position: position)
    }

    private func batch(after seq: UInt64, to head: UInt64) throws -> FeedBatch {
        let answer = FeedAnswers.answer(head: "1:\(head)")
        return try FeedBatch(answer, after: at(seq), issuer: FeedAnswers.issuer)
    }

    @Test func `without a copy it reads a snapshot, then what follows it`() throws {
        var machine = machine(nil)
        #expect(machine.request == .snapshot && machine.condition == .away)
        #expect(machine.took(snapshotAt: at(7)) == .continuation)
        #expect(machine.request == .records(after: at(7)) && machine.condition == .following)
        machine.took(try batch(after: 7, to: 9))
        #expect(machine.request == .records(after: at(9)))
    }

    @Test func `with a copy it continues there`() {
        #expect(machine(at(5)).request == .records(after: at(5)))
    }

    @Test func `it lets the source wait only while the copy is known to be current`() throws {
        var machine = machine(nil)
        #expect(!machine.isCurrent)
        _ = machine.took(snapshotAt: at(7))
        #expect(!machine.isCurrent)
        let part = FeedAnswers.answer([try #require(FeedAnswers.session(8))], head: "1:9", more: ["1"])
        machine.took(try FeedBatch(part, after: at(7), issuer: FeedAnswers.issuer))
        #expect(!machine.isCurrent, "the source said that there is more")
        machine.took(try batch(after: 8, to: 9))
        #expect(machine.isCurrent)
        _ = machine.failed(Self.away, at: 0, random: 0)
        #expect(!machine.isCurrent)
        machine.took(try batch(after: 9, to: 9))
        _ = machine.failed(.gone, at: 0, random: 0)
        _ = machine.took(snapshotAt: at(80))
        #expect(!machine.isCurrent)
    }

    @Test func `after a fault it asks for the same again, later and later`() {
        var machine = machine(at(5))
        var pauses: [Int64] = []
        for _ in 0..<10 { pauses.append(machine.failed(Self.away, at: 0, random: .max)) }
        #expect(machine.request == .records(after: at(5)) && machine.condition == .away)
        #expect(pauses.first.map { $0 <= 50 } ?? false && pauses.suffix(3).allSatisfy { (1_000...2_000).contains($0) })
        #expect(pauses.prefix(6).allSatisfy { $0 > 0 })
    }

    @Test func `a pause is shorter again after a success`() throws {
        var machine = machine(at(5))
        for _ in 0..<10 { _ = machine.failed(Self.away, at: 0, random: 0) }
        machine.took(try batch(after: 5, to: 5))
        #expect(machine.failed(Self.away, at: 0, random: 0) == 25)
    }

    @Test(arguments: [
        FollowFault.records(.damaged(at: 0)), .records(.unknown(kind: 9, at: 0)), .answer("x"), .snapshot("x"),
        .issuer(found: nil, expected: "a"), .fetch(.answer(.headTooLarge)), .signature(.signatureInvalid),
    ])
    func `a damaged feed is never skipped`(_ fault: FollowFault) {
        var machine = machine(at(5))
        #expect(machine.failed(fault, at: 0, random: 0) > 0)
        #expect(machine.condition == .damaged && machine.request == .records(after: at(5)))
    }

    @Test(arguments: [
        FollowFault.fetch(.answer(.cutShort)), .status(503), .notAllowed(status: 401), .notOffered(status: 404),
    ])
    func `a source that does not answer is no damage`(_ fault: FollowFault) {
        var machine = machine(at(5))
        _ = machine.failed(fault, at: 0, random: 0)
        #expect(machine.condition == .away)
    }

    @Test func `a position that is too old needs a snapshot, at once and once`() {
        var machine = machine(at(5))
        #expect(machine.failed(.gone, at: 0, random: 0) == 0)
        #expect(machine.request == .snapshot && machine.position == at(5))
        #expect(machine.took(snapshotAt: at(80)) == .continuation)
        #expect(machine.failed(.gone, at: 0, random: 0) > 0, "the snapshot was too old, so a newer one takes a while")
        #expect(machine.request == .snapshot)
    }

    @Test(arguments: [FollowFault.ahead(head: nil), .unknownEpoch])
    func `the only source with another history is a reset`(_ fault: FollowFault) {
        var machine = machine(at(50))
        #expect(machine.failed(fault, at: 0, random: 0) == 0)
        #expect(machine.request == .snapshot)
        #expect(machine.took(snapshotAt: at(40)) == .reset)
        #expect(machine.request == .records(after: at(40)))
        #expect(
            machine.failed(fault, at: 0, random: 0) > 0, "a source that always says so is not asked without a pause")
    }

    @Test func `one of several sources may only be late`() throws {
        var machine = machine(at(50), sources: 2)
        #expect(machine.failed(.ahead(head: at(48)), at: 1_000, random: 0) > 0)
        #expect(machine.source == 1 && machine.request == .records(after: at(50)))
        machine.took(try batch(after: 50, to: 51))
        #expect(machine.failed(.ahead(head: at(48)), at: 9_000, random: 0) > 0, "it was answered since")
        #expect(machine.failed(.ahead(head: at(48)), at: 13_999, random: 0) > 0)
        #expect(machine.failed(.ahead(head: at(48)), at: 14_000, random: 0) == 0)
        #expect(machine.request == .snapshot && machine.took(snapshotAt: at(48)) == .reset)
    }

    @Test func `another epoch in a snapshot is a reset`() {
        var machine = machine(at(5))
        _ = machine.failed(.gone, at: 0, random: 0)
        #expect(machine.took(snapshotAt: at(3_000_000, epoch: 2)) == .reset)
    }

    @Test func `a snapshot that is behind does not take the position back`() {
        var machine = machine(at(50))
        machine.wantSnapshot()
        #expect(machine.request == .snapshot)
        #expect(machine.took(snapshotAt: at(45)) == .continuation)
        #expect(machine.request == .records(after: at(50)))
    }

    @Test func `without a snapshot that only the files need, the records are followed`() {
        var machine = machine(at(50))
        machine.wantSnapshot()
        #expect(machine.failed(.status(503), at: 0, random: 0) > 0)
        #expect(machine.request == .records(after: at(50)))
    }

    @Test func `the sources take turns`() {
        var machine = machine(at(5), sources: 3)
        let asked = (0..<4).map { _ in
            defer { _ = machine.failed(Self.away, at: 0, random: 0) }
            return machine.source
        }
        #expect(asked == [0, 1, 2, 0])
    }
}

@Suite("When the key set is read")
struct KeySetScheduleTests {
    @Test func `at the start, every minute, and soon after a miss`() {
        var schedule = KeySetSchedule()
        #expect(schedule.isDue(at: 0, missed: 0))
        schedule.asked(at: 1_000, missed: 0)
        #expect(!schedule.isDue(at: 60_999, missed: 0) && schedule.isDue(at: 61_000, missed: 0))
        #expect(!schedule.isDue(at: 5_999, missed: 3) && schedule.isDue(at: 6_000, missed: 3))
        schedule.asked(at: 6_000, missed: 3)
        #expect(!schedule.isDue(at: 20_000, missed: 3), "a miss asks once")
    }

    @Test func `a tag belongs to one source, and is one line`() {
        var schedule = KeySetSchedule()
        schedule.etag = "\"a\""
        schedule.sourceChanged()
        #expect(schedule.etag == nil)
        #expect(KeySetSchedule.isTag("\"a-1\"") && !KeySetSchedule.isTag("\"a\r\nX: y\"") && !KeySetSchedule.isTag("x"))
    }
}
