import App
import Encoding
import Glibc
import Journal
import OpenSSL
import Platform
import Revocation
import Store
import Tokens

/// Implements `martlet store import` and `export`: from the journal of one server to the store of several, and back.
enum StoreTransfer {
    private static let chunkCount = 1_024

    static func importJournal(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: ConnectedStore.options + [.value("--from")])
        guard let directory = arguments.value("--from") else {
            throw .usage("--from is missing: name the journal's directory")
        }
        guard let names = try? DirectorySnapshot(path: directory).names(), !names.isEmpty else {
            throw .usage(
                "\(Directory.absolute(directory)) contains no journal. Name the MARTLET_STATE of the server with --from"
            )
        }
        let store = try ConnectedStore(arguments)
        defer { store.engine.disconnect() }
        let storage = DirectoryStorage(path: directory)
        let content: JournalTransfer.Content
        do throws(JournalError) {
            content = try JournalTransfer.read(storage, clock: SystemClock.wall)
        } catch {
            throw error.mayPass ? .unavailable("\(error)") : .refused("\(error)")
        }
        // Held to the end, so that no server starts with the journal meanwhile.
        defer { storage.unlock() }
        let mark = MovedJournal(directory)
        try note { () throws(FileError) in try mark.begin(store.source.name) }
        do throws(StoreFault) {
            try send(content, store)
        } catch {
            let fault = CommandError(error)
            Terminal.writeError(
                "The import is not complete. Run it again; until then no server starts with the journal.\n")
            throw fault
        }
        try note { () throws(FileError) in try mark.finish(store.source.name) }
        Terminal.write(
            """
            \(content.records.count) records are in \(store.source.name).
            No server starts with \(Directory.absolute(directory)) any more. Start each with \(Setting.store.name) and a new \
            directory as \(Setting.state.name).

            """)
    }

    private static func note(_ body: () throws(FileError) -> Void) throws(CommandError) {
        do throws(FileError) { try body() } catch {
            throw error.mayPass ? .unavailable("\(error)") : .refused("\(error)")
        }
    }

    /// Begins an epoch above both histories and sends the records. All of it can be repeated.
    private static func send(_ content: JournalTransfer.Content, _ store: ConnectedStore) throws(StoreFault) {
        let report = store.report
        let epoch = max(report.head?.position.epoch ?? 0, content.position.epoch) &+ 1
        let seq = max(report.head?.position.seq ?? 0, content.position.seq)
        let head = try store.engine.begin(
            epoch: epoch, at: LedgerEpochs.beginning(above: seq), expecting: report.head, identity: report.identity,
            by: ConnectedStore.deadline)
        for chunk in JournalTransfer.chunks(content.records, countMax: chunkCount) {
            let outcomes = try store.engine.commit(
                [.tell(chunk)], epoch: head.position.epoch, by: ConnectedStore.deadline)
            switch outcomes.first {
            case .recorded?: continue
            case .failed(let fault)?: throw fault
            case .unconfirmed?:
                throw .busy(reason: "fewer replicas than \(Setting.storeReplicas.name) have the records")
            default: throw .malformed(reason: "the outcome of another step")
            }
        }
    }

    static func exportJournal(_ words: [String]) throws(CommandError) {
        let arguments = try Arguments.parse(words, options: ConnectedStore.options + [.value("--to")])
        guard let directory = arguments.value("--to") else { throw .usage("--to is missing: name a new directory") }
        if let names = try? Directory.names(in: directory), !names.isEmpty {
            throw .usage("\(Directory.absolute(directory)) is not empty. Name a new directory with --to")
        }
        let store = try ConnectedStore(arguments)
        defer { store.engine.disconnect() }
        let (records, head) = try load(store)
        let last: LedgerPosition
        do throws(JournalError) {
            last = try JournalTransfer.write(
                records, above: head.position, to: DirectoryStorage(path: directory), clock: SystemClock.wall,
                random: { Random.next64() })
        } catch {
            throw error.mayPass ? .unavailable("\(error)") : .refused("\(error)")
        }
        // A rotation in the journal has the time of the export. Within the grace time, its spent token would be answered.
        let grace =
            TimeSpan.seconds(Setting.refreshGrace.text(in: Environment.values)) ?? TokenLimits.standard.refreshGraceMax
        let pause = min(max(grace, 0), TokenLimits.standard.refreshGraceMax)
        Terminal.writeError(
            "Waiting \(pause) s (\(Setting.refreshGrace.name)), so that no refresh token counts as just used.\n")
        Thread.sleep(milliseconds: Int(pause) * 1_000)
        Terminal.write(
            """
            \(records.count) records are in \(Directory.absolute(directory)), up to \(last).
            Start one server with this directory as \(Setting.state.name) and without \(Setting.store.name).

            """)
    }

    /// Everything that lives, after no server has reported for a moment.
    private static func load(_ store: ConnectedStore) throws(CommandError) -> ([JournalRecord], EngineHead) {
        do throws(StoreFault) {
            let status = try store.engine.status(by: ConnectedStore.deadline)
            let running = status.nodes.filter { status.now.milliseconds(since: $0.time) < 5_000 }.map(\.name)
            guard running.isEmpty else {
                throw .rejected(
                    reason: "these servers still use the store: \(running.joined(separator: ", "))",
                    remedy: "Stop them, or what they record from now on is missing in the journal")
            }
            var records: [JournalRecord] = []
            let head = try store.engine.load(by: ConnectedStore.longDeadline) { records += $0 }
            return (records, head)
        } catch {
            throw CommandError(error)
        }
    }
}
