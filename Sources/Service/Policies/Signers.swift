package import Accounts
package import JOSE
package import Keys
package import Platform
import Revocation
import Tokens

extension AuthState {
    /// The algorithms that access tokens may be signed with under the current settings and clients.
    package func neededAlgorithms(for clients: ClientDirectory) -> [Algorithm] {
        settings.neededAlgorithms(for: clients)
    }

    /// What `keyring` cannot sign at `now` (milliseconds since 1970) although the settings or a client need it: names of
    /// algorithms, and `refresh` for refresh tokens.
    package func missingSigners(in keyring: Keyring, for clients: ClientDirectory, at now: UnixMilliseconds) -> [String]
    {
        settings.missingSigners(in: keyring, for: clients, at: now)
    }

    /// The same for the keys and clients that are in use. Keys that an operator revoked count as missing, because their
    /// signatures are rejected.
    package func missingSigners(at now: UnixMilliseconds) -> [String] {
        let keyring = keyring.current
        let missing = neededAlgorithms(for: clients.current).filter { !hasSigner(for: $0, in: keyring, at: now) }
        return missing.map(\.rawValue) + (hasRefreshSigner(in: keyring, at: now) ? [] : ["refresh"])
    }

    /// Whether a key signs access tokens of this algorithm that no operator revoked.
    func hasSigner(for algorithm: Algorithm, in keyring: Keyring, at now: UnixMilliseconds) -> Bool {
        isUsable(keyring.index(signing: .access, algorithm, at: now), in: keyring)
    }

    /// The key that signs access tokens of this algorithm; `nil` if there is none or an operator revoked it.
    func signer(for algorithm: Algorithm, in keyring: Keyring, at now: UnixMilliseconds) -> Key? {
        let index = keyring.index(signing: .access, algorithm, at: now)
        return index.flatMap { isUsable($0, in: keyring) ? keyring.keys[$0] : nil }
    }

    func hasRefreshSigner(in keyring: Keyring, at now: UnixMilliseconds) -> Bool {
        isUsable(keyring.index(signing: .refresh, .hs256, at: now), in: keyring)
    }

    private func isUsable(_ index: Int?, in keyring: Keyring) -> Bool {
        index.map { !revocations.isCut(key: keyring.kids[$0]) } ?? false
    }
}

extension AuthSettings {
    /// `MARTLET_ALG`, HS256 for the audiences that share a secret, and the algorithms of enabled clients.
    package func neededAlgorithms(for clients: ClientDirectory) -> [Algorithm] {
        var needed: Set<Algorithm> = [algorithm]
        if !sharedSecretAudiences.isEmpty { needed.insert(.hs256) }
        for client in clients.clients where !client.isDisabled {
            guard let name = client.algorithm, let wanted = Algorithm(rawValue: name) else { continue }
            // A client that may use only shared audiences gets HS256 tokens, whatever its algorithm is.
            let isUsed = audiences.contains { client.mayUse(audience: $0) && !sharedSecretAudiences.contains($0) }
            if isUsed { needed.insert(wanted) }
        }
        return Algorithm.allCases.filter(needed.contains)
    }

    package func missingSigners(in keyring: Keyring, for clients: ClientDirectory, at now: UnixMilliseconds) -> [String]
    {
        let missing = neededAlgorithms(for: clients).filter { keyring.signingKey(for: $0, at: now) == nil }
        return missing.map(\.rawValue) + (keyring.refreshKey(at: now) == nil ? ["refresh"] : [])
    }
}
