import Synchronization

/// Guesses at the secrets of clients, in the same buckets.
///
/// A guess counts for the pair of client and source, and for the source. A client has no bucket over all sources: guesses
/// from ever-new addresses would use it up and lock the client out.
///
/// The same wrong secret counts once for a client and a source: a program that has an old secret and tries again for ever
/// learns nothing, and must not lock out its neighbors.
extension LoginThrottle {
    package enum ClientVerdict: Equatable, Sendable {
        /// The secret is right, and the source may be told so.
        case accepted
        case refused
        /// The source must wait, whether the secret is right or not; `seconds` is for Retry-After, at least 1.
        case wait(seconds: Int64)
    }

    /// Decides what a source learns about a client's secret. Secrets are cheap to compare, so that has happened.
    ///
    /// From a source that this client has authenticated from before, a right secret is always accepted: many machines may
    /// share an address, and one with an old secret must not stop the others. A limited source that is not known gets the
    /// same answer for every secret, so it cannot go on guessing.
    /// - Parameters:
    ///   - id: as the request names it, whether or not such a client exists.
    ///   - secret: as the request has it. Only a keyed hash of a wrong one is stored.
    ///   - source: as for ``admit(account:source:now:)``.
    package func judge(
        client id: String, secret: Span<UInt8>, isRight: Bool, source: UInt64, now: Int64
    ) -> ClientVerdict {
        let pair = fingerprint(.client, id, source)
        let guess = isRight ? nil : fingerprint(of: secret, pair)
        let sourceKey = fingerprint(.source, "", source)
        let place = place(source, nil)
        return state.withLock { state in
            if isRight, state.known[pair] != nil {
                state.known[pair] = now
                return .accepted
            }
            // The source was told before that this secret is wrong, so a limited source learns nothing new either.
            if let guess, state.wrongSecrets[guess] != nil {
                state.wrongSecrets[guess] = now
                return .refused
            }
            let wait = max(state.guessed.wait(pair, now: now), state.sources.wait(sourceKey, now: now))
            guard wait <= 0 else { return .wait(seconds: (wait + 999) / 1_000) }
            if isRight {
                state.known[pair] = now
                return .accepted
            }
            if let guess { state.wrongSecrets[guess] = now }
            state.guessed.charge(pair, now: now)
            state.sources.charge(sourceKey, now: now)
            state.failures.note(place, at: now)
            return .refused
        }
    }
}
