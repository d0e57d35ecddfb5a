import Accounts
import Glibc
import Platform
import Service

/// `users.json` and `clients.json` as the running service reads them. A missing file means no users or clients.
package struct AccountFiles: Sendable {
    let usersPath: String
    let clientsPath: String

    /// - Parameter hasUsers: false on a server that follows another one, which has users.
    package init(_ configuration: Configuration, hasUsers: Bool = true) {
        usersPath = hasUsers ? configuration.accounts.usersPath : ""
        clientsPath = configuration.accounts.clientsPath
    }

    struct Stamps {
        var users: FileStamp
        var clients: FileStamp
    }

    /// Read this before the files, so that the next check notices a change in between.
    func stamps() -> Stamps { Stamps(users: FileStamp(usersPath), clients: FileStamp(clientsPath)) }

    /// - Parameter mustExist: true once a file was read. A missing file is then an error, as while an editor renames
    ///   it, and must not lock every user out.
    func users(mustExist: Bool = false) throws(StartError) -> UserDirectory {
        try Self.load(usersPath, mustExist)
    }

    func clients(mustExist: Bool = false) throws(StartError) -> ClientDirectory {
        try Self.load(clientsPath, mustExist)
    }

    private static func load<Table: AccountTable>(_ path: String, _ mustExist: Bool) throws(StartError) -> Table {
        do throws(AccountsError) {
            let table: Table = try Table.load(path, mustExist: mustExist)
            let parent = Directory.parent(of: path)
            // A missing file means no users yet. A missing directory is a volume that is not mounted, or a wrong path.
            guard mustExist || FileStamp(path).exists || FileStamp(parent).exists else {
                throw AccountsError.file(.system(call: "open", path: path, code: ENOENT))
            }
            return table
        } catch {
            guard mustExist, case .file(.system("open", _, ENOENT)) = error else { throw StartError(error) }
            throw StartError(
                description:
                    "\(path): the file is missing; its last content remains in use. Restore it, or write an empty "
                    + "list to remove all")
        }
    }

    /// Files that every user of this machine may read, with their modes: they expose names and password hashes.
    func readableByOthers() -> [(path: String, mode: String)] {
        [usersPath, clientsPath].compactMap { path in
            let stamp = FileStamp(path)
            guard stamp.exists, stamp.mode & 0o007 != 0 else { return nil }
            return (path, "0" + String(stamp.mode & 0o777, radix: 8))
        }
    }

    /// How long a change of a password waits for a command that edits the file.
    private static let patienceMilliseconds = 2_000

    /// Replaces the hash of a user's password. It returns the users that the file has then.
    var replaceHash: FileAccountSource.ReplaceHash {
        let path = usersPath
        return { (id, hash, isExpected) throws(AccountsError) in
            var stored = UserDirectory()
            do throws(AccountsError) {
                try UserDirectory.edit(path, mustExist: true, patienceMilliseconds: Self.patienceMilliseconds) {
                    (directory) throws(AccountsError) in
                    stored = directory
                    guard let user = directory.user(id: id), isExpected(user) else { return directory }
                    stored = try directory.settingPasswordHash(hash, of: user.name)
                    return stored
                }
            } catch {
                // The new file may be in place although its directory could not be synced.
                guard let present = try? UserDirectory.load(path, mustExist: true),
                    present.user(id: id)?.passwordHash == hash
                else { throw error }
                return present
            }
            return stored
        }
    }

    /// Replaces the hash that was just verified by a stronger one, unless the user changed in the meantime.
    var storeHash: @Sendable (User, String) throws -> Void {
        let path = usersPath
        return { user, hash in
            try UserDirectory.edit(path, mustExist: true) { directory throws(AccountsError) in
                guard directory.user(id: user.id)?.passwordHash == user.passwordHash else { return directory }
                return try directory.settingPasswordHash(hash, of: user.name)
            }
        }
    }
}
