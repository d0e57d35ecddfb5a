internal import Accounts
internal import App
internal import Encoding
internal import Glibc
internal import Journal
internal import OpenSSL
import Platform
internal import Revocation
internal import Synchronization
internal import Tokens

/// Implements `martlet journal accept`: lets a service start with a state directory that has been rolled back.
///
/// Later revocations are lost, so everything that began before now is revoked, unless the operator chooses otherwise.
enum JournalAcceptance {
    /// Runs the command.
    ///
    /// - Returns: the exit status.
    static func run(
        _ state: String, _ seen: RollbackGuard, keepsSessions: Bool
    ) throws(JournalError) -> Int32 {
        // Otherwise a mistyped path would create a directory. One with a high-water mark may be missing altogether.
        if unsafe access(state, R_OK) != 0 {
            let error = errno
            guard seen.paths.contains(where: { unsafe access($0, F_OK) == 0 }) else {
                throw .io(function: "access", errno: error, path: state)
            }
        }
        // The lock shows whether a server is running; the state may be accepted only while it is stopped.
        var journal = FileLedgerSource(directory: state, clock: SystemClock.wall, random: { Random.next64() })
        journal.pace = .stepped
        var options = RevocationOptions(
            ledger: journal, grace: 0, sessionMax: nil, clock: SystemClock.wall,
            monotonicNow: { MonotonicClock.nanoseconds() / 1_000_000 }, random: { Random.next64() })
        // No session lives longer, whatever the settings of the service are.
        options.cutLifetimeMin = TokenLimits.standard.sessionMax
        let store = try RevocationStore.open(options)
        defer { store.close() }
        let last = store.position
        let marks = seen.readableMarks { print("\($0) Its content does not count.") }
        // First: a revocation must be above every position that a token may name.
        let began = try wait(store) { store.beginEpoch(above: marks, $0) }
        if keepsSessions {
            print("Sessions continue. Tokens that were revoked after record \(last) are valid again.")
        } else {
            let cut = try wait(store) {
                _ = store.cut(.all, name: [], reason: RevocationReason.operatorAction.rawValue, $0)
            }
            print("All sessions and tokens from before now are revoked (record \(cut)).")
        }
        print("Records are counted in epoch \(began.epoch) from now on, from \(began).")
        do throws(FileError) {
            try seen.remove()
        } catch {
            guard case .system(let call, let path, let code) = error else { throw .closed }
            throw .io(function: call, errno: code, path: path)
        }
        return ExitCode.ok
    }

    private static func wait(
        _ store: RevocationStore, _ ask: (@escaping RevocationStore.Completion) -> Void
    ) throws(JournalError) -> LedgerPosition {
        let answer = Answer()
        ask { result in answer.result.withLock { $0 = result } }
        while answer.result.withLock({ $0 == nil }), store.step() {}
        guard let result = answer.result.withLock({ $0 }) else { throw .closed }
        return try result.get()
    }

    private final class Answer: Sendable {
        let result = Mutex<Result<LedgerPosition, JournalError>?>(nil)
    }
}
