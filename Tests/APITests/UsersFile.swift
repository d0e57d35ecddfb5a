import Accounts
import Encoding
import Platform
import Synchronization

/// The file of the users, in memory.
final class UsersFile: Sendable {
    private let state = Mutex((content: UserDirectory(), isWritable: true))

    var content: UserDirectory {
        get { state.withLock { $0.content } }
        set { state.withLock { $0.content = newValue } }
    }

    var isWritable: Bool {
        get { state.withLock { $0.isWritable } }
        set { state.withLock { $0.isWritable = newValue } }
    }

    func replaceHash(
        of id: UUID, _ hash: String, _ isExpected: (User) -> Bool
    ) throws(AccountsError) -> UserDirectory {
        try state.withLock { state throws(AccountsError) in
            guard state.isWritable else { throw .file(.locked(path: "users.json")) }
            guard let user = state.content.user(id: id), isExpected(user) else { return state.content }
            state.content = try state.content.settingPasswordHash(hash, of: user.name)
            return state.content
        }
    }
}
