@testable import Following
import HTTPClient
import Revocation
import Testing

@Suite("One answer of a feed")
struct FeedBatchTests {
    private let after = LedgerPosition(epoch: 1, seq: 5)

    private func read(_ answer: Answer) throws(FollowFault) -> FeedBatch {
        try FeedBatch(answer, after: after, issuer: FeedAnswers.issuer)
    }

    @Test func `records, head and age are read`() throws {
        let batch = try read(FeedAnswers.answer(FeedAnswers.sessions([6, 8]), head: "1:9", age: "12.345"))
        #expect(batch.records.map(\.position.seq) == [6, 8] && batch.bytes.count == 128)
        #expect(batch.position == LedgerPosition(epoch: 1, seq: 9) && batch.isComplete && batch.age == 12_345)
    }

    @Test(arguments: [(nil, 0), ("0.998", 998), ("-1.000", 0), ("1", 0), ("", 0)] as [(String?, Int64)])
    func `the wait at the source counts if it is well formed`(_ text: String?, _ milliseconds: Int64) throws {
        #expect(try read(FeedAnswers.answer([], held: text)).held == milliseconds)
    }

    @Test func `an answer with more to come ends at its last record`() throws {
        let batch = try read(FeedAnswers.answer(FeedAnswers.sessions([6, 8]), head: "1:90", more: ["1"]))
        #expect(batch.position == LedgerPosition(epoch: 1, seq: 8) && !batch.isComplete)
        #expect(batch.head == LedgerPosition(epoch: 1, seq: 90))
    }

    @Test func `nothing new is an answer too`() throws {
        let batch = try read(FeedAnswers.answer(head: "1:5"))
        #expect(batch.records.isEmpty && batch.position == after && batch.isComplete)
    }

    @Test(arguments: [
        (FeedAnswers.answer(FeedAnswers.sessions([5]), head: "1:9"), FollowFault.records(.outOfOrder(seq: 5, at: 0))),
        (FeedAnswers.answer(FeedAnswers.sessions([8, 7]), head: "1:9"), .records(.outOfOrder(seq: 7, at: 1))),
        (FeedAnswers.answer(FeedAnswers.sessions([6, 10]), head: "1:9"), .records(.outOfOrder(seq: 10, at: 1))),
        (FeedAnswers.answer([UInt8](repeating: 0, count: 63)), .records(.cutOff(after: 0))),
        (FeedAnswers.answer([UInt8](repeating: 7, count: 64)), .records(.damaged(at: 0))),
        (FeedAnswers.answer([UInt8](repeating: 0, count: 4_097 * 64)), .answer("it has more than 4096 records")),
        (FeedAnswers.answer(head: "2:9"), .unknownEpoch),
        (FeedAnswers.answer(head: "1:4"), .ahead(head: LedgerPosition(epoch: 1, seq: 4))),
        (FeedAnswers.answer(head: "1"), .answer("Revocation-Seq is missing or malformed")),
        (FeedAnswers.answer(age: "-1.000"), .answer("Revocation-Age is missing or malformed")),
        (FeedAnswers.answer(age: "1"), .answer("Revocation-Age is missing or malformed")),
        (FeedAnswers.answer(age: "999999999999.000"), .answer("Revocation-Age is missing or malformed")),
        (FeedAnswers.answer([], isMarked: false), .answer("it does not say where it ends")),
        (FeedAnswers.answer(more: ["1"]), .answer("it announces more and has no record")),
        (FeedAnswers.answer(more: ["2"]), .answer("Revocation-More is malformed")),
        (FeedAnswers.answer(more: ["1", "1"]), .answer("Revocation-More is malformed")),
        (FeedAnswers.answer(type: "application/json"), .answer("its type is not application/vnd.martlet.records")),
        (
            FeedAnswers.answer(issuer: "https://other.example"),
            .issuer(found: "https://other.example", expected: FeedAnswers.issuer)
        ),
        (FeedAnswers.answer(status: 401), .notAllowed(status: 401)),
        (FeedAnswers.answer(status: 403), .notAllowed(status: 403)),
        (FeedAnswers.answer(status: 404), .notOffered(status: 404)),
        (FeedAnswers.answer(status: 410), .gone),
        (FeedAnswers.answer(status: 302), .status(302)),
        (FeedAnswers.answer(status: 503), .status(503)),
        (FeedAnswers.answer(Array("{\"code\":\"sequence_unknown\"}".utf8), status: 409), .unknownEpoch),
        (
            FeedAnswers.answer(Array("{\"code\":\"sequence_ahead\"}".utf8), head: "1:3", status: 409),
            .ahead(head: LedgerPosition(epoch: 1, seq: 3))
        ),
        (FeedAnswers.answer(Array("{".utf8), status: 409), .status(409)),
    ])
    func `everything else is rejected as a whole`(_ answer: Answer, _ fault: FollowFault) {
        #expect(throws: fault) { try read(answer) }
    }
}
