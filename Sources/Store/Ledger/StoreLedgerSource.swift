package import Journal
import Platform
package import Revocation
import Synchronization

/// Opens the ledger of a node over an engine.
package final class StoreLedgerSource: LedgerSource {
    private let engines: any StoreEngineSource
    private let storage: any JournalStorage
    private let status: StoreStatus
    private let options: StoreOptions
    private let opened = Mutex<StoreLedger?>(nil)

    /// - Parameters:
    ///   - storage: the directory of the copy.
    ///   - status: what requests read of the engine.
    package init(
        engines: any StoreEngineSource, storage: any JournalStorage, status: StoreStatus, options: StoreOptions
    ) {
        self.engines = engines
        self.storage = storage
        self.status = status
        self.options = options
    }

    package convenience init(
        engines: any StoreEngineSource, directory: String, status: StoreStatus, options: StoreOptions
    ) {
        self.init(engines: engines, storage: DirectoryStorage(path: directory), status: status, options: options)
    }

    /// The ledger, once it is open.
    package var ledger: StoreLedger? { opened.withLock { $0 } }

    /// Replays the copy, connects, and catches up with the engine if it answers.
    package func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger {
        var epochs = LedgerEpochs()
        var assembly = EntryAssembly()
        var last: JournalRecord?
        var journal = JournalOptions(clock: options.clock, random: options.random)
        if let count = options.segmentRecordCount { journal.segmentRecordCount = count }
        let copy = try JournalCopy.open(storage, RevocationCodec.schema, journal) { records in
            replay.apply(records, &epochs, &assembly)
            if let record = records.last, record.kind != .epoch { last = record }
        }
        do throws(RevocationError) {
            let ledger = try make(copy, epochs, replay, last)
            opened.withLock { $0 = ledger }
            return ledger
        } catch {
            copy.close()
            throw error
        }
    }

    private func make(
        _ copy: JournalCopy, _ epochs: LedgerEpochs, _ replay: RevocationReplay, _ last: JournalRecord?
    ) throws(RevocationError) -> StoreLedger {
        let unsent = try UnsentRevocations(storage)
        if let before = try StoredLimits.read(storage) {
            let stamp = LedgerStamp(epochs.position(of: copy.durableSeq), time: copy.lastTime)
            replay.apply(.processStarted(before), at: stamp)
        }
        try StoredLimits.write(replay.finish(lastTime: copy.lastTime), to: storage)
        let applier = replay.applier
        for group in unsent.groups { applier.apply(group) }
        status.count { $0.unsentRevocations = unsent.groups.count }
        let note = KnowledgeNote.read(storage)
        if let asOf = note?.asOf(bootID: options.bootID, now: status.knowledge.now, wall: options.clock.now),
            copy.durableSeq > 0
        {
            status.knowledge.advance(asOf: asOf)
        }
        let clock = EngineClock(options.clock, monotonicNow: options.monotonicNow)
        clock.note(copy.lastTime)
        let mirror = StoreMirror(
            copy, applier, epochs, clock: clock, mayForget: engines.mayForget, safeSeq: note?.safeSeq ?? 0,
            last: last.flatMap { $0.seq > copy.snapshotSeq ? $0 : nil }, observe: options.observe)
        let queue = StoreQueue()
        let refusals = StoreRefusals(queue, unsent, status, observe: options.observe)
        let peers = StorePeers()
        let (engine, tail) = try halves()
        let writer = StoreWriter(
            engine: engine, mirror: mirror, queue: queue, refusals: refusals, status: status, options: options,
            peers: peers, clock: clock, instance: try instance())
        let follower = StoreFollower(
            tail: tail, mirror: mirror, queue: queue, refusals: refusals, status: status, options: options,
            storage: storage)
        let ledger = StoreLedger(
            mirror: mirror, queue: queue, refusals: refusals, writer: writer, follower: follower, peers: peers,
            status: status, options: options)
        try ledger.begin()
        guard options.pace == .threads else { return ledger }
        do throws(ThreadError) {
            try ledger.start()
        } catch {
            ledger.close()
            throw .io(function: "pthread_create", errno: error.code, path: error.name)
        }
        return ledger
    }

    /// Returns the number of this node, which a restart in the same directory keeps: its report of a moment ago is no
    /// other node.
    private func instance() throws(RevocationError) -> UInt64 {
        let name = "engine.node"
        if try storage.names().contains(name) {
            let bytes = try storage.read(name, at: 0, count: 4_096)
            let text = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
            if let number = UInt64(text, radix: 16) { return number }
        }
        let number = options.random()
        try storage.create(name, content: Array((String(number, radix: 16) + "\n").utf8)).close()
        return number
    }

    private func halves() throws(RevocationError) -> (any StoreEngine, any StoreTail) {
        do throws(StoreFault) {
            return (try engines.engine(), try engines.tail())
        } catch {
            throw .unavailable(reason: StoreWriter.text(error))
        }
    }
}
