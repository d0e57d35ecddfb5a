import Accounts
import Glibc
import Platform

/// `users.json` and `clients.json` as the running service sees them. A file that does not exist holds nobody.
package struct AccountFiles: Sendable {
    let usersPath: String
    let clientsPath: String

    package init(_ configuration: Configuration) {
        usersPath = configuration.usersPath
        clientsPath = configuration.clientsPath
    }

    struct Stamps {
        var users: FileStamp
        var clients: FileStamp
    }

    /// To be taken before the files are read, so that a change in between is seen the next time.
    func stamps() -> Stamps { Stamps(users: FileStamp(usersPath), clients: FileStamp(clientsPath)) }

    /// - Parameter mustExist: once there were users, a missing file is a mistake, or an editor's that renames: it must not
    ///   lock everyone out.
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
            // No file is nobody yet; no directory is a volume that is not mounted, or a name with a mistake.
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

    /// Files that every user of this machine may read, with their modes: they tell names, and hashes that can be guessed at.
    func readableByOthers() -> [(path: String, mode: String)] {
        [usersPath, clientsPath].compactMap { path in
            let stamp = FileStamp(path)
            guard stamp.exists, stamp.mode & 0o007 != 0 else { return nil }
            return (path, "0" + String(stamp.mode & 0o777, radix: 8))
        }
    }

    /// Puts a stronger hash in the place of the one that was just verified, unless that changed in the meantime.
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
