import Synchronization

/// Slows the guessing of passwords, by account and by source (F4, F5).
///
/// Each has a token bucket of failures. An attempt is charged before its password is looked at, so that many at once
/// count as many; success gives the charge back. Nobody can lock a victim out for ever: refused attempts cost
/// nothing, buckets refill by themselves, and a source that has logged in to an account before has a bucket of its
/// own for it, which strangers' guesses at the account do not drain.
package final class LoginThrottle: Sendable {
    /// How many failures are free, and how often one more is.
    package struct Limit: Equatable, Sendable {
        package let failureCountMax: Int64
        package let refillMilliseconds: Int64

        /// Either number 0 or below turns the limit off; the largest are cut to a million failures and a day.
        package init(failureCountMax: Int64, refillMilliseconds: Int64) {
            self.failureCountMax = min(failureCountMax, 1_000_000)
            self.refillMilliseconds = min(refillMilliseconds, 86_400_000)
        }

        package static let account = Limit(failureCountMax: 10, refillMilliseconds: 30_000)
        package static let source = Limit(failureCountMax: 100, refillMilliseconds: 3_000)
        package static let off = Limit(failureCountMax: 0, refillMilliseconds: 0)

        var isOff: Bool { failureCountMax <= 0 || refillMilliseconds <= 0 }
    }

    package enum Verdict: Equatable, Sendable {
        /// Go on. A failure needs nothing more; success is told to ``LoginThrottle/recordSuccess(_:now:)``, and an
        /// attempt whose password was not looked at to ``LoginThrottle/withdraw(_:)``.
        case allowed(Attempt)
        /// Refuse without hashing; `seconds` is for Retry-After, at least 1.
        case wait(seconds: Int64)
    }

    /// Where an attempt comes from.
    package enum Source: Equatable, Sendable {
        /// The address that the request came from, as ``LoginThrottle/admit(account:source:now:)`` takes it.
        case address(UInt64)
        /// A backend that authenticated as a client and does not say for whom it asks. All its users come from one
        /// address, so only the accounts are limited.
        case client(String)
        /// The address of the end user that an authenticated client names. Each client has buckets of its own: none
        /// can use up another's.
        case endUser(UInt64, client: String)

        fileprivate var isLimited: Bool {
            if case .client = self { false } else { true }
        }

        fileprivate var number: UInt64 {
            switch self {
            case .address(let number), .endUser(let number, _): number
            case .client: 0
            }
        }

        fileprivate var clientID: String? {
            switch self {
            case .address: nil
            case .client(let id), .endUser(_, let id): id
            }
        }
    }

    /// An attempt that was charged; good for one call of `recordSuccess` or `withdraw`.
    package struct Attempt: Equatable, Sendable {
        fileprivate let account: UInt64
        fileprivate let pair: UInt64
        /// Nil where no bucket of failures belongs to the source.
        fileprivate let source: UInt64?
        fileprivate let isKnownPair: Bool

        fileprivate var guessed: UInt64 { isKnownPair ? pair : account }
    }

    private struct State {
        var accounts: FailureBuckets
        var sources: FailureBuckets
        /// Pairs of account and source that succeeded, with the time of the last success.
        var known: KeyedTable
    }

    private let key: (UInt64, UInt64)
    private let state: Mutex<State>

    /// - Parameters:
    ///   - entryCountMax: of each table; where it is full, what would be forgotten soonest goes.
    ///   - key: random, new for each process, so that nobody can choose names or addresses that share an entry.
    package init(
        account: Limit = .account, source: Limit = .source, entryCountMax: Int = 65_536, key: (UInt64, UInt64)
    ) {
        self.key = key
        state = Mutex(
            State(
                accounts: FailureBuckets(account, entryCountMax: entryCountMax),
                sources: FailureBuckets(source, entryCountMax: entryCountMax),
                known: KeyedTable(entryCountMax: entryCountMax)))
    }

    /// Whether a password may be tried now; charges the attempt if so.
    /// - Parameters:
    ///   - account: the name as typed, whether or not such a user exists; compared as ``UserDirectory`` compares names.
    ///   - source: stands for the address (an IPv6 address by its first 64 bits).
    ///   - now: milliseconds of a clock that only goes forward: a wall clock that is corrected would move every bucket.
    package func admit(account: String, source: UInt64, now: Int64) -> Verdict {
        admit(account: account, from: .address(source), now: now)
    }

    package func admit(account: String, from source: Source, now: Int64) -> Verdict {
        let accountKey = fingerprint("account", account, 0)
        let pairKey = fingerprint("pair", account, source.number, source.clientID)
        let sourceKey: UInt64? =
            source.isLimited ? fingerprint("source", "", source.number, source.clientID) : nil
        return state.withLock { state in
            let attempt = Attempt(
                account: accountKey, pair: pairKey, source: sourceKey, isKnownPair: state.known[pairKey] != nil)
            let wait = max(
                state.accounts.wait(attempt.guessed, now: now),
                attempt.source.map { state.sources.wait($0, now: now) } ?? 0)
            guard wait <= 0 else { return .wait(seconds: (wait + 999) / 1_000) }
            state.accounts.charge(attempt.guessed, now: now)
            if let source = attempt.source { state.sources.charge(source, now: now) }
            return .allowed(attempt)
        }
    }

    /// The password was right: forgets the account's failures (not its source's) and remembers the source as the
    /// account's own.
    package func recordSuccess(_ attempt: Attempt, now: Int64) {
        state.withLock { state in
            state.accounts.clear(attempt.guessed)
            if let source = attempt.source { state.sources.refund(source) }
            state.known[attempt.pair] = now
        }
    }

    /// The password was not looked at, for example because the hashing pool was full: as if nothing had been tried.
    package func withdraw(_ attempt: Attempt) {
        state.withLock { state in
            state.accounts.refund(attempt.guessed)
            if let source = attempt.source { state.sources.refund(source) }
        }
    }

    private func fingerprint(
        _ kind: StaticString, _ account: String, _ source: UInt64, _ clientID: String? = nil
    ) -> UInt64 {
        // SipHash under a seed of the process, and under our key where the seed is switched off.
        var hasher = Hasher()
        hasher.combine(key.0)
        hasher.combine(key.1)
        hasher.combine(kind.utf8CodeUnitCount)
        hasher.combine(account)
        hasher.combine(source)
        hasher.combine(clientID)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
