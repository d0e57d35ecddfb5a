package import Accounts
package import JOSE
package import Keys
import Telemetry
import Tokens

/// One loop's own tools over the shared ``AuthState``: signing contexts, scratch memory, and its copies of what is published.
///
/// Not `Sendable`: it belongs to one thread, so nothing on the verify path takes a lock that another request holds.
package final class LoopContext {
    package let authState: AuthState
    private(set) var verifier: Verifier
    private(set) var issuer: Issuer
    let audiences: AudienceExpectation
    /// The names of the keyring's keys, as octets, in its order.
    private(set) var kids: [[UInt8]]
    private let keyrings: Follower<Keyring>
    private let userDirectories: Follower<UserDirectory>
    private let clientDirectories: Follower<ClientDirectory>

    /// - Throws: when OpenSSL cannot make the contexts that every token needs.
    package init(authState: AuthState) throws(KeyError) {
        self.authState = authState
        keyrings = Follower(authState.keyring)
        userDirectories = Follower(authState.users)
        clientDirectories = Follower(authState.clients)
        verifier = try Verifier(
            keyring: keyrings.value, issuer: authState.settings.issuer, leeway: authState.settings.leeway)
        issuer = try Issuer(keyring: keyrings.value, issuer: authState.settings.issuer)
        audiences = AudienceExpectation(anyOf: authState.settings.audiences)
        kids = keyrings.value.keys.map { Array($0.kid.utf8) }
    }

    package var keyring: Keyring { keyrings.value }
    package var users: UserDirectory { userDirectories.value }
    package var clients: ClientDirectory { clientDirectories.value }

    /// The JSON object that the last verified token carried, as it was signed.
    package var payload: [UInt8] { verifier.payload }

    /// Appends ``payload``.
    package func writePayload(to output: inout [UInt8]) {
        verifier.writePayload(to: &output)
    }

    /// The issuer that the last token named, for a log line about its rejection.
    package var namedIssuer: String? { verifier.namedIssuer() }

    /// The roles that the last verified token carried.
    package var roles: [String] { verifier.roles() }

    /// Takes up changed keys and accounts; called once before each request.
    package func follow() {
        if keyrings.follow() { takeUpKeys() }
        _ = userDirectories.follow()
        _ = clientDirectories.follow()
    }

    /// Keys that no context can be made for leave the old ones at work.
    private func takeUpKeys() {
        do {
            let verifier = try Verifier(
                keyring: keyrings.value, issuer: authState.settings.issuer, leeway: authState.settings.leeway)
            issuer = try Issuer(keyring: keyrings.value, issuer: authState.settings.issuer)
            self.verifier = verifier
            kids = keyrings.value.keys.map { Array($0.kid.utf8) }
        } catch {
            authState.log.write(.error, "keys_not_taken_up") { $0.add("reason", "\(error)") }
        }
    }
}
