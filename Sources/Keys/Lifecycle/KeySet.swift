package import JOSE

/// Where a key stands in its life at one moment.
package enum KeyState: String, CaseIterable, Sendable {
    /// In the published set, so that verifiers learn of it, but not signing yet.
    case published
    /// Signs what is issued now.
    case signing
    /// Signs no more, or a newer key signs in its place; what it has signed still counts.
    case verifying
    /// Past its end: its signatures count no more.
    case retired
    /// Declared compromised: its signatures count no more, whenever they were made.
    case compromised
}

/// All keys of a directory, living or not, and what each step of their life does to them (C9, B14).
///
/// States follow from the times in the files alone, so that every process which shares the directory comes to the same
/// answer. The steps are pure: they say which files to write, first to last, and whoever stops halfway has lost nothing.
/// Times are milliseconds since 1970; what is written stands on whole seconds.
package struct KeySet: Sendable {
    package let keys: [Key]

    package init(_ keys: [Key]) {
        self.keys = keys
    }

    /// Keys that verify at `now` or will: what a keyring of that moment holds.
    package func living(at now: Int64) -> [Key] { keys.filter { $0.verifies(at: now) } }

    package var compromised: [Key] { keys.filter { $0.lifecycle.compromisedAt != nil } }

    /// The moment after `now` at which the next key leaves the published set; signing changes need no new keyring.
    package func nextEnd(after now: Int64) -> Int64? {
        living(at: now).compactMap(\.lifecycle.verifiesUntil).min()
    }

    package func key(_ kid: String) -> Key? { keys.first { $0.kid == kid } }

    /// The one key of a kind that signs at `now`: the newest, and of two the one with the greater `kid`.
    package func signer(_ purpose: Key.Purpose, _ algorithm: Algorithm, at now: Int64) -> Key? {
        keys.filter { $0.purpose == purpose && $0.algorithm == algorithm && $0.signs(at: now) }
            .max { ($0.lifecycle.begin, $0.kid) < ($1.lifecycle.begin, $1.kid) }
    }

    package func state(of key: Key, at now: Int64) -> KeyState {
        if key.lifecycle.compromisedAt != nil { return .compromised }
        guard key.verifies(at: now) else { return .retired }
        if signer(key.purpose, key.algorithm, at: now)?.kid == key.kid { return .signing }
        return isPending(key, at: now) ? .published : .verifying
    }

    /// The key of a kind that is published and has yet to sign.
    package func pending(_ purpose: Key.Purpose, _ algorithm: Algorithm, at now: Int64) -> Key? {
        keys.first { $0.purpose == purpose && $0.algorithm == algorithm && isPending($0, at: now) }
    }

    private func isPending(_ key: Key, at now: Int64) -> Bool {
        guard let from = key.lifecycle.signsFrom, from > now else { return false }
        return key.signs(at: from)
    }
}

/// Why a step of a key's life cannot be taken.
package enum KeyStepError: Error, Equatable, Sendable {
    case unknown(kid: String)
    /// There is a key of that name already.
    case exists(kid: String)
    /// Compromised or past its end: there is no way back.
    case isOver(kid: String, KeyState)
    /// A public half, or a key that its own `key_ops` keep from signing.
    case cannotSign(kid: String)
    /// A successor stands ready already.
    case pending(kid: String)
    /// Nothing else would sign this kind of token.
    case lastSigner(kid: String, Algorithm)
    /// Nothing else would sign what the settings or a client ask for, by the name of the algorithm.
    case neededSigner(kid: String, String)
    /// No key could be made.
    case unmade(KeyError)
}

extension KeyStepError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown(let kid): "there is no key \(kid)"
        case .exists(let kid): "there is a key \(kid) already"
        case .isOver(let kid, let state): "the key \(kid) is \(state.rawValue)"
        case .cannotSign(let kid): "the key \(kid) cannot sign"
        case .pending(let kid): "its successor \(kid) is published already; promote or retire that one first"
        case .lastSigner(let kid, let algorithm): "no other key than \(kid) signs \(algorithm.rawValue)"
        case .neededSigner(let kid, let name):
            "\(kid) is the only key that signs \(name), which the settings or a client ask for. Run first: "
                + "martlet keys rotate \(name == "refresh" ? "--refresh" : "--alg \(name)") --lead 0s"
        case .unmade(let fault): "no key could be made: \(fault)"
        }
    }
}
