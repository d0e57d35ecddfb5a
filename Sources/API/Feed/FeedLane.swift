import HTTP
import Revocation
import Synchronization
import Telemetry

/// An event loop as the publisher of the feed knows it.
final class FeedLane: Sendable {
    /// Any request of the loop, for running something on it.
    let exchange: Exchange
    /// When the first of its waiting requests needs an answer, in nanoseconds of the monotonic clock.
    let waitEnd = Atomic<Int64>(.max)
    private let jsonCount = Atomic<Int>(0)
    private let eventCount = Atomic<Int>(0)
    private let recordCount = Atomic<Int>(0)

    init(_ exchange: Exchange) {
        self.exchange = exchange
    }

    /// The number of readers that wait or stream.
    func readers(_ form: FeedForm) -> Int {
        switch form {
        case .json: jsonCount.load(ordering: .relaxed)
        case .events: eventCount.load(ordering: .relaxed)
        case .records: recordCount.load(ordering: .relaxed)
        }
    }

    func add(_ change: Int, _ form: FeedForm) {
        switch form {
        case .json: jsonCount.add(change, ordering: .relaxed)
        case .events: eventCount.add(change, ordering: .relaxed)
        case .records: recordCount.add(change, ordering: .relaxed)
        }
    }

    var hasReaders: Bool { FeedForm.allCases.contains { readers($0) > 0 } }
}

/// New records, written once for the readers of all event loops.
final class FeedBatch: Sendable {
    let answer: FeedAnswer
    private let start: LedgerPosition
    private let seqs: (first: UInt64, last: UInt64)?
    /// Nil if no reader needed it when the batch was made.
    private let json: [UInt8]?
    private let event: [UInt8]?
    private let encoder: FeedEncoder

    init(
        _ answer: FeedAnswer, after start: LedgerPosition, _ encoder: FeedEncoder, _ hasJSON: Bool, _ hasEvents: Bool
    ) {
        self.answer = answer
        self.start = start
        self.encoder = encoder
        seqs = answer.seqs
        json = hasJSON ? encoder.json(answer) : nil
        event = hasEvents ? encoder.event(answer) : nil
    }

    /// Whether there is something for a reader at a position; a batch without records is about each reader.
    func isAbout(_ position: LedgerPosition) -> Bool {
        guard let seqs else { return true }
        return seqs.last > position.seq || position.epoch != answer.head.epoch
    }

    /// Whether a reader at a position needs exactly these records: it lacks none before them and has none of them.
    func fits(_ position: LedgerPosition) -> Bool {
        guard let seqs, position.epoch == answer.head.epoch else { return false }
        return position >= start && position.seq < seqs.first
    }

    func content(_ form: FeedForm) -> [UInt8] {
        switch form {
        case .records: answer.binary
        case .json: json ?? encoder.json(answer)
        case .events: event ?? encoder.event(answer)
        }
    }
}

/// Counters of the feed since the start.
final class FeedFigures: Sendable {
    let batches = Counter()
    /// Readers that did not read.
    let dropped = Counter()
    let resets = CounterFamily<ResetReason>()

    enum ResetReason: String, CaseIterable, Sendable {
        case gone = "sequence_gone"
        case ahead = "sequence_ahead"
        case unknown = "sequence_unknown"

        init(_ gap: FeedGap) {
            switch gap {
            case .gone: self = .gone
            case .ahead: self = .ahead
            case .unknown: self = .unknown
            }
        }
    }
}
