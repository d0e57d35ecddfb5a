package import Accounts
import Encoding
import Tokens

/// Users that only a client knows. The subject names the client too, so no user of one client passes for a user of another,
/// and no user's id of this service looks like one (RFC 9700 §4.15).
package enum ExternalUsers {
    private static let prefix = "external:"

    /// - Parameter id: the client's own id of the user. A client's id has no colon, so every subject has one meaning.
    static func subject(_ id: String, of client: Client) -> String { "\(prefix)\(client.id):\(id)" }

    static func isSubject(_ text: String) -> Bool { text.utf8.starts(with: prefix.utf8) }

    /// The client that knows the user; `nil` if the subject is no such user, or if there is no such client.
    package static func client(of subject: String, in clients: ClientDirectory) -> Client? {
        guard isSubject(subject) else { return nil }
        let rest = subject.utf8.dropFirst(prefix.utf8.count)
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")), rest.index(after: colon) < rest.endIndex,
            let id = String(rest[..<colon]), let client = clients.client(id: id), client.id.isSpelled(as: id)
        else { return nil }
        return client
    }

    /// The client, if sessions of this subject that belong to the client `clientID` are valid: it is enabled, has the grant,
    /// and may open sessions for any user.
    static func admittingClient(of subject: String, _ clientID: String, in clients: ClientDirectory) -> Client? {
        guard let client = client(of: subject, in: clients), client.id.isSpelled(as: clientID), !client.isDisabled,
            client.opensExternalSessions
        else { return nil }
        return client
    }

    /// What the tokens of such a user may contain: the scopes of the client, and neither roles nor claims. There is no
    /// name and no password.
    static func user(of client: Client) -> User {
        User(id: UUID(high: 0, low: 0), name: "", passwordHash: "!", scopes: client.scopes)
    }
}
