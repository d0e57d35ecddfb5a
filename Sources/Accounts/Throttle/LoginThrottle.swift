package import Encoding
import Synchronization

/// Limits password guessing, by account and by source address (OWASP ASVS 5, 6.3.1).
///
/// Each has a token bucket of failures. An attempt is charged before its password is checked, so that concurrent
/// attempts all count; success refunds the charge. An attacker cannot lock a user out permanently: rejected attempts
/// cost nothing, buckets refill by themselves, and a source that has logged in to an account before has its own bucket
/// for that account, which guesses from other sources do not drain. So has a device with a token of the account.
///
/// The same buckets limit guesses at the secrets of clients (`LoginThrottle+Clients.swift`).
package final class LoginThrottle: Sendable {
    /// How many failures are allowed at once, and the interval after which one more is allowed.
    package struct Limit: Equatable, Sendable {
        package let failureCountMax: Int64
        package let refillMilliseconds: Int64

        /// A number of 0 or less turns the limit off; the maximum is one million failures and one day.
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
        /// The password may be checked. After a failure nothing more is needed; after a success call
        /// ``LoginThrottle/recordSuccess(_:now:)``, and if the password was not checked,
        /// ``LoginThrottle/withdraw(_:)``.
        case allowed(Attempt)
        /// Reject without hashing; `seconds` is for Retry-After, at least 1.
        case wait(seconds: Int64)
    }

    /// The source of an attempt.
    package enum Source: Equatable, Sendable {
        /// The address of the request, as a number for ``LoginThrottle/admit(account:source:now:)``.
        case address(UInt64)
        /// A backend that authenticated as a client and does not name the end user's address. All its users share its
        /// address, so only the accounts are limited.
        case client(String)
        /// The address of the end user that an authenticated client names. Each client has its own buckets, so one
        /// client cannot use up another's.
        case endUser(UInt64, client: String)

        /// Whether there is an address whose failures count.
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

    /// A charged attempt; usable for one call of `recordSuccess`, `recordFailure` or `withdraw`.
    package struct Attempt: Equatable, Sendable {
        /// The lane in which its password waits for hashing.
        package let lane: HashingLane
        /// The bucket of the account, of the known pair of account and source, or of the device.
        fileprivate let guessed: UInt64
        fileprivate let pair: UInt64
        /// Nil if the source has no bucket of failures.
        fileprivate let source: UInt64?
        /// Nil if a failure is none of the source's.
        fileprivate let place: FailurePlace?
    }

    struct State {
        var guessed: FailureBuckets
        var sources: FailureBuckets
        /// Pairs of account and source, and of client and source, that succeeded, with the time of the last success.
        var known: KeyedTable
        var failures: FailureTimes
        /// Wrong secrets of clients, with the time when each was last sent.
        var wrongSecrets: KeyedTable
    }

    /// What an entry of a table is about, so that equal names of different kinds have different entries.
    enum EntryKind: UInt8 {
        case account, pair, device, source, knownSource, address, network, client, wrongSecret
    }

    private let key: (UInt64, UInt64)
    let state: Mutex<State>

    /// - Parameters:
    ///   - entryCountMax: the size of each table; in a full table the entry that would expire first is replaced.
    ///   - key: random, new for each process, so that an attacker cannot choose names or addresses that share an entry.
    package init(
        account: Limit = .account, source: Limit = .source, entryCountMax: Int = 65_536, key: (UInt64, UInt64)
    ) {
        self.key = key
        state = Mutex(
            State(
                guessed: FailureBuckets(account, entryCountMax: entryCountMax),
                sources: FailureBuckets(source, entryCountMax: entryCountMax),
                known: KeyedTable(entryCountMax: entryCountMax), failures: FailureTimes(entryCountMax: entryCountMax),
                wrongSecrets: KeyedTable(entryCountMax: entryCountMax)))
    }

    /// Returns whether a password may be checked now; charges the attempt if so.
    /// - Parameters:
    ///   - account: the name as typed, whether or not such a user exists; compared as ``UserDirectory`` compares names.
    ///   - source: a number for the address (for an IPv6 address, its first 64 bits).
    ///   - now: milliseconds of a monotonic clock: a correction of the wall clock would change every bucket.
    package func admit(account: String, source: UInt64, now: Int64) -> Verdict {
        admit(account: account, from: .address(source), now: now)
    }

    /// - Parameter device: the identifier of a valid device token of this account. Only the bucket of that device then
    ///   limits the attempt, and a failure counts for no other.
    package func admit(account: String, from source: Source, device: UUID? = nil, now: Int64) -> Verdict {
        let pair = fingerprint(.pair, account, source.number, source.clientID)
        let account = fingerprint(.account, account, 0)
        let device = device.map { fingerprint(.device, "", $0.high, String($0.low)) }
        // Known pairs share a bucket of their own for each source: guesses at other accounts do not drain it.
        let strange = source.isLimited ? fingerprint(.source, "", source.number, source.clientID) : nil
        let familiar = source.isLimited ? fingerprint(.knownSource, "", source.number, source.clientID) : nil
        let place = source.isLimited ? place(source.number, source.clientID) : nil
        return state.withLock { state in
            let isKnown = state.known[pair] != nil
            let attempt: Attempt =
                if let device {
                    Attempt(
                        lane: .knownLogin(account: account), guessed: device, pair: pair, source: nil, place: nil)
                } else if isKnown {
                    Attempt(
                        lane: .knownLogin(account: account), guessed: pair, pair: pair, source: familiar, place: place)
                } else {
                    Attempt(
                        lane: .other(lastFailure: place.flatMap { state.failures.last($0) }), guessed: account,
                        pair: pair, source: strange, place: place)
                }
            let wait = max(
                state.guessed.wait(attempt.guessed, now: now),
                attempt.source.map { state.sources.wait($0, now: now) } ?? 0)
            guard wait <= 0 else { return .wait(seconds: (wait + 999) / 1_000) }
            state.guessed.charge(attempt.guessed, now: now)
            if let source = attempt.source { state.sources.charge(source, now: now) }
            return .allowed(attempt)
        }
    }

    /// Records a correct password: clears the failures of the account, pair or device, refunds the source's charge, and
    /// remembers the source for the account.
    package func recordSuccess(_ attempt: Attempt, now: Int64) {
        state.withLock { state in
            state.guessed.clear(attempt.guessed)
            if let source = attempt.source { state.sources.refund(source) }
            state.known[attempt.pair] = now
        }
    }

    /// Records a wrong password: the source's next logins wait behind those of sources that failed earlier or never.
    package func recordFailure(_ attempt: Attempt, now: Int64) {
        guard let place = attempt.place else { return }
        state.withLock { $0.failures.note(place, at: now) }
    }

    /// Refunds an attempt whose password was not checked, for example because the hashing pool was full.
    package func withdraw(_ attempt: Attempt) {
        state.withLock { state in
            state.guessed.refund(attempt.guessed)
            if let source = attempt.source { state.sources.refund(source) }
        }
    }

    /// The address and its network: an IPv4 /24 or an IPv6 /56. Numbers of addresses end with the last 8 bits of the IPv4
    /// address or of the IPv6 /64.
    func place(_ source: UInt64, _ clientID: String?) -> FailurePlace {
        FailurePlace(
            address: fingerprint(.address, "", source, clientID),
            network: fingerprint(.network, "", source >> 8, clientID))
    }

    func fingerprint(
        _ kind: EntryKind, _ account: String, _ source: UInt64, _ clientID: String? = nil
    ) -> UInt64 {
        // SipHash with the process's seed, and with the secret key in case the seed is disabled.
        var hasher = Hasher()
        hasher.combine(key.0)
        hasher.combine(key.1)
        hasher.combine(kind)
        hasher.combine(account)
        hasher.combine(source)
        hasher.combine(clientID)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// - Parameter pair: of the client and the source.
    func fingerprint(of secret: Span<UInt8>, _ pair: UInt64) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(key.0)
        hasher.combine(key.1)
        hasher.combine(EntryKind.wrongSecret)
        hasher.combine(pair)
        unsafe secret.withUnsafeBytes { bytes in unsafe hasher.combine(bytes: bytes) }
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
