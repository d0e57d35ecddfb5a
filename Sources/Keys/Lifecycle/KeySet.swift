package import JOSE
package import Platform

/// The state of a key at one moment.
package enum KeyState: String, CaseIterable, Sendable {
    /// In the published set, so that verifiers can load it, but not signing yet.
    case published
    /// Signs new tokens.
    case signing
    /// No longer signs, or a newer key now signs instead; its signatures are still accepted.
    case verifying
    /// Past its end: its signatures are rejected.
    case retired
    /// Declared compromised: its signatures are rejected, whenever they were made.
    case compromised
}

/// All keys of a directory, ended ones included, and the steps of their life cycle (RFC 8725 §3.2).
///
/// States depend only on the times in the files, so that all processes that share the directory compute the same
/// states. The steps are pure: they return the files to write, in order, and stopping between two writes loses nothing.
/// Times are written as whole seconds.
package struct KeySet: Sendable {
    package let keys: [Key]

    package init(_ keys: [Key]) {
        self.keys = keys
    }

    /// Returns the keys that verify at `now`, including those that do not sign yet: the content of a keyring at that
    /// moment.
    package func living(at now: UnixMilliseconds) -> [Key] { keys.filter { $0.verifies(at: now) } }

    package var compromised: [Key] { keys.filter { $0.lifecycle.compromisedAt != nil } }

    /// Returns the first moment after `now` at which a key leaves the published set; signing changes need no new
    /// keyring.
    package func nextEnd(after now: UnixMilliseconds) -> UnixMilliseconds? {
        living(at: now).compactMap(\.lifecycle.verifiesUntil).min()
    }

    package func key(_ kid: String) -> Key? { keys.first { $0.kid == kid } }

    /// Returns the key of a kind that signs at `now`: the newest, and of equally new ones the one with the greatest
    /// `kid`.
    package func signer(_ purpose: Key.Purpose, _ algorithm: Algorithm, at now: UnixMilliseconds) -> Key? {
        keys.filter { $0.purpose == purpose && $0.algorithm == algorithm && $0.signs(at: now) }
            .max { ($0.lifecycle.begin, $0.kid) < ($1.lifecycle.begin, $1.kid) }
    }

    package func state(of key: Key, at now: UnixMilliseconds) -> KeyState {
        if key.lifecycle.compromisedAt != nil { return .compromised }
        guard key.verifies(at: now) else { return .retired }
        if signer(key.purpose, key.algorithm, at: now)?.kid == key.kid { return .signing }
        return isPending(key, at: now) ? .published : .verifying
    }

    /// Returns the key of a kind that is published but does not sign yet.
    package func pending(_ purpose: Key.Purpose, _ algorithm: Algorithm, at now: UnixMilliseconds) -> Key? {
        keys.first { $0.purpose == purpose && $0.algorithm == algorithm && isPending($0, at: now) }
    }

    private func isPending(_ key: Key, at now: UnixMilliseconds) -> Bool {
        guard let from = key.lifecycle.signsFrom, from > now else { return false }
        return key.signs(at: from)
    }
}

/// Why a step of a key's life cycle is not possible.
package enum KeyStepError: Error, Equatable, Sendable {
    case unknown(kid: String)
    /// A key of that name exists already.
    case exists(kid: String)
    /// The key is compromised or past its end, which is final.
    case isOver(kid: String, KeyState)
    /// The key is a public half, or its `key_ops` do not allow signing.
    case cannotSign(kid: String)
    /// A successor is already published.
    case pending(kid: String)
    /// No other key would sign this kind of token.
    case lastSigner(kid: String, Algorithm)
    /// No other key would sign with an algorithm that the settings or a client require; the text is the algorithm's
    /// name.
    case neededSigner(kid: String, String)
    /// Generating a key failed.
    case unmade(KeyError)
}

extension KeyStepError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown(let kid): "no key \(kid)"
        case .exists(let kid): "key \(kid) already exists"
        case .isOver(let kid, let state): "the key \(kid) is \(state.rawValue)"
        case .cannotSign(let kid): "the key \(kid) cannot sign"
        case .pending(let kid): "its successor \(kid) is already published; promote or retire that one first"
        case .lastSigner(let kid, let algorithm): "no key other than \(kid) signs \(algorithm.rawValue)"
        case .neededSigner(let kid, let name):
            "\(kid) is the only key that signs \(name), which the settings or a client require. Run first: "
                + "martlet keys rotate \(name == "refresh" ? "--refresh" : "--alg \(name)") --lead 0s"
        case .unmade(let fault): "could not create a key: \(fault)"
        }
    }
}
