package import Journal
import Platform
internal import Synchronization

/// Passes the records of the files of a ledger to the sinks that follow it, in their order.
package final class FileFollowers: Sendable {
    private struct State {
        var epochs: LedgerEpochs
        /// The number of the last record that the followers got.
        var delivered: UInt64
        var followers: [FileFollower] = []
        var isClosed = false
    }

    private let state: Mutex<State>

    package init(_ epochs: LedgerEpochs, delivered: UInt64) {
        state = Mutex(State(epochs: epochs, delivered: delivered))
    }

    package var epochs: LedgerEpochs { state.withLock { $0.epochs } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Notes an epoch that was recorded.
    package func begin(epoch: UInt32, at number: UInt64, offset: UInt64, after last: UInt64? = nil) {
        state.withLock { $0.epochs.begin(epoch, at: number, offset: offset, after: last) }
    }

    /// Called on the thread that writes the files, with the records that have just become durable.
    package func deliver(_ records: ArraySlice<JournalRecord>) {
        guard let last = records.last?.seq else { return }
        let followers = state.withLock { state in
            state.delivered = last
            return state.followers
        }
        for follower in followers { follower.receive(records) }
    }

    /// Adds a follower.
    ///
    /// - Returns: the number of the last record that it does not get; nil if the ledger is closed.
    func add(_ follower: FileFollower) -> UInt64? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.followers.append(follower)
            return state.delivered
        }
    }

    /// Tells the sinks that the files were replaced by everything that is live at a number.
    package func reset(at number: UInt64) {
        let followers = state.withLock { state in
            state.delivered = number
            return state.followers
        }
        for follower in followers { follower.reset(at: number) }
    }

    func remove(_ follower: FileFollower) {
        state.withLock { $0.followers.removeAll { $0 === follower } }
    }

    package func close() {
        state.withLock { state in
            state.isClosed = true
            state.followers = []
        }
    }
}

/// One sink that follows the journal. It collects what comes in until it has received everything before that.
final class FileFollower: Sendable {
    /// How many records wait at most; with more, the files are read again.
    private static let waitingCountMax = 65_536

    private struct State {
        var waiting: [JournalRecord] = []
        var hasOverflowed = false
        var isLive = false
    }

    private let sink: any LedgerSink
    private let state = Mutex(State())
    private let epochs: @Sendable () -> LedgerEpochs
    /// Used by the one thread at a time that calls the sink.
    private let assembly = Mutex(SessionEntryAssembly())

    init(_ sink: any LedgerSink, epochs: @escaping @Sendable () -> LedgerEpochs) {
        self.sink = sink
        self.epochs = epochs
    }

    func receive(_ records: ArraySlice<JournalRecord>) {
        let isLive = state.withLock { state in
            if state.isLive { return true }
            if state.waiting.count + records.count > Self.waitingCountMax { state.hasOverflowed = true }
            if state.hasOverflowed { state.waiting = [] } else { state.waiting += records }
            return false
        }
        if isLive { pass(records) }
    }

    func reset(at number: UInt64) { sink.reset(epochs().position(of: number)) }

    /// Forgets what has come in.
    func restart() {
        state.withLock { $0 = State() }
    }

    /// Passes what has come in, and from then on everything at once.
    ///
    /// - Returns: false if something was dropped.
    func catchUp() -> Bool {
        while true {
            let waiting: [JournalRecord]? = state.withLock { state in
                if state.hasOverflowed { return nil }
                defer { state.waiting = [] }
                return state.waiting
            }
            guard let waiting else { return false }
            if !waiting.isEmpty { pass(waiting[...]) }
            let isOver = state.withLock { state in
                state.isLive = state.waiting.isEmpty && !state.hasOverflowed
                return state.isLive
            }
            if isOver { return true }
        }
    }

    /// Passes records to the sink.
    func pass(_ records: ArraySlice<JournalRecord>) {
        guard let last = records.last?.seq else { return }
        let epochs = epochs()
        let batch = assembly.withLock { assembly in
            records.compactMap { record -> LedgerRecord? in
                guard let event = RevocationCodec.event(record, &assembly) else { return nil }
                return LedgerRecord(position: epochs.position(of: record.seq), time: record.time, event: event)
            }
        }
        sink.records(batch, head: epochs.position(of: last))
    }
}
