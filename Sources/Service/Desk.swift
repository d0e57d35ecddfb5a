package import Accounts
package import Octets
package import Token

/// One loop's own tools over the shared ``Realm``: signing contexts, scratch memory, and its copies of what is published.
///
/// Not `Sendable`: it belongs to one thread, so nothing on the verify path takes a lock that another request holds.
package final class Desk {
    package let realm: Realm
    private(set) var verifier: Verifier
    private(set) var issuer: Issuer
    private(set) var audiences: AudienceExpectation
    private var keyrings: Follower<Keyring>
    private var userDirectories: Follower<UserDirectory>
    private var clientDirectories: Follower<ClientDirectory>

    package init(realm: Realm) {
        self.realm = realm
        keyrings = Follower(realm.keyring)
        userDirectories = Follower(realm.users)
        clientDirectories = Follower(realm.clients)
        verifier = Verifier(keyring: keyrings.value, issuer: realm.settings.issuer, leeway: realm.settings.leeway)
        issuer = Issuer(keyring: keyrings.value, issuer: realm.settings.issuer)
        audiences = .anyOf(realm.settings.audiences.map { Array($0.utf8) })
    }

    package var keyring: Keyring { keyrings.value }
    package var users: UserDirectory { userDirectories.value }
    package var clients: ClientDirectory { clientDirectories.value }

    /// The JSON object that the last verified token carried, as it was signed.
    package var payload: [UInt8] { verifier.payload }

    /// Takes up changed keys and accounts; called once before each request.
    package func follow() {
        if keyrings.follow() {
            verifier = Verifier(keyring: keyrings.value, issuer: realm.settings.issuer, leeway: realm.settings.leeway)
            issuer = Issuer(keyring: keyrings.value, issuer: realm.settings.issuer)
        }
        _ = userDirectories.follow()
        _ = clientDirectories.follow()
    }
}
