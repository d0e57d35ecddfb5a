package import Accounts
import Encoding
package import JOSE
package import Keys
import Telemetry
import Tokens

/// What the use cases of one event loop share: signing contexts, scratch memory, and the loop's copies of keys and accounts.
///
/// Not `Sendable`: it belongs to one thread, so the verify path never waits for a lock of another request.
package final class LoopContext {
    package let authState: AuthState
    private(set) var verifier: Verifier
    private(set) var issuer: Issuer
    let audiences: AudienceExpectation
    /// Memory for reading claims that verification does not need.
    var scratch = JSONDocument()
    private let keyrings: Follower<Keyring>
    private let indexes: Follower<PublishedIndex>
    private let clientDirectories: Follower<ClientDirectory>

    /// - Throws: if OpenSSL cannot create the contexts for signing and verifying.
    package init(authState: AuthState) throws(KeyError) {
        self.authState = authState
        keyrings = Follower(authState.keyring)
        indexes = Follower(authState.accounts.index)
        clientDirectories = Follower(authState.clients)
        verifier = try Verifier(
            keyring: keyrings.value, issuer: authState.settings.issuer, leeway: authState.settings.leeway)
        issuer = try Issuer(keyring: keyrings.value, issuer: authState.settings.issuer)
        audiences = AudienceExpectation(anyOf: authState.settings.audiences)
    }

    package var keyring: Keyring { keyrings.value }
    /// The users, as this request sees them.
    package var accounts: PublishedIndex { indexes.value }
    package var clients: ClientDirectory { clientDirectories.value }

    /// Applies changed keys and accounts; called once before each request.
    package func applyChanges() {
        if keyrings.follow() { applyKeys() }
        _ = indexes.follow()
        _ = clientDirectories.follow()
    }

    /// If no context can be created for the new keys, the old ones stay in use.
    private func applyKeys() {
        do {
            let verifier = try Verifier(
                keyring: keyrings.value, issuer: authState.settings.issuer, leeway: authState.settings.leeway)
            issuer = try Issuer(keyring: keyrings.value, issuer: authState.settings.issuer)
            self.verifier = verifier
        } catch {
            authState.log.write(.error, "keys_not_taken_up") { $0.add("reason", "\(error)") }
        }
    }
}
