import Platform
import Revocation

/// A ledger that other processes may write as well, as far as its users can tell.
struct SharedLedgerSource: LedgerSource {
    private let source: any LedgerSource

    init(_ source: any LedgerSource) { self.source = source }

    func open(_ replay: RevocationReplay) throws(RevocationError) -> any Ledger {
        SharedLedger(try source.open(replay))
    }
}

private final class SharedLedger: Ledger {
    private let ledger: any Ledger

    init(_ ledger: any Ledger) { self.ledger = ledger }

    var isShared: Bool { true }
    var head: LedgerHead { ledger.head }
    var now: UnixMilliseconds { ledger.now }
    var isWritable: Bool { ledger.isWritable }
    var takesEverything: Bool { ledger.takesEverything }

    func knows(_ position: LedgerPosition) -> Bool { ledger.knows(position) }
    func append(_ events: [RevocationEvent], _ done: @escaping Completion) { ledger.append(events, done) }
    func advance(
        _ request: Advance, _ done: @escaping @Sendable (Result<AdvanceVerdict, RevocationError>) -> Void
    ) { ledger.advance(request, done) }
    func follow(from position: LedgerPosition?, into sink: any LedgerSink) { ledger.follow(from: position, into: sink) }
    func close() { ledger.close() }
}
