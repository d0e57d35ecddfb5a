package import Accounts
package import Encoding

/// Where users come from. Logins and refreshes look up whole accounts here; all other requests ask the index.
package protocol AccountSource: AnyObject, Sendable {
    typealias Completion = @Sendable (Result<User?, AccountSourceError>) -> Void

    /// A user that ``index`` says is disabled, or has ended a session, is rejected whatever a lookup returns.
    var index: Published<PublishedIndex> { get }

    /// - Parameter later: called once, on any thread, if this returns ``AccountAnswer/later``; otherwise never.
    func user(named name: String, later: @escaping Completion) -> AccountAnswer

    /// - Parameter later: as in ``user(named:later:)``.
    func user(id: UUID, later: @escaping Completion) -> AccountAnswer

    /// Notes a session before it begins, with the standing of the account that its login was checked with: if the account
    /// was changed before, the source ends the session when it finds out.
    func noteSession(_ sid: UUID, of user: UUID, _ standing: User.Standing, hasDevice: Bool)

    /// Stores a stronger hash of the same password, unless the password changed since `user` was looked up. Runs on a
    /// hashing thread and may wait.
    func storeHash(_ hash: String, of user: User) throws

    /// Stores the hash of a new password, unless the user was changed since `user` was looked up. When this returns, no
    /// later lookup finds the old hash. Runs on a hashing thread and may wait.
    ///
    /// - Returns: the user as stored now: with this hash, or changed by another program. `nil` if there is no such user.
    /// - Throws: if nothing was stored.
    func replacePassword(with hash: String, of user: User) throws(AccountSourceError) -> User?
}

/// The answer to a lookup: at once, or later through the completion.
package enum AccountAnswer: Sendable {
    /// `nil` if there is no such user.
    case now(User?)
    case later
}

/// Why a source could not look up a user, or not store a hash.
package struct AccountSourceError: Error, Equatable, Sendable {
    /// For the log.
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }
}
