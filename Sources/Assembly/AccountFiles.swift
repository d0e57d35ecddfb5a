import Accounts

/// `users.json` and `clients.json` as the running service sees them. A file that does not exist holds nobody.
package struct AccountFiles: Sendable {
    let usersPath: String
    let clientsPath: String

    package init(_ configuration: Configuration) {
        usersPath = configuration.usersPath
        clientsPath = configuration.clientsPath
    }

    func users() throws(StartFault) -> UserDirectory {
        do {
            return try UserDirectory.load(usersPath)
        } catch {
            throw StartFault(description: "\(error)")
        }
    }

    func clients() throws(StartFault) -> ClientDirectory {
        do {
            return try ClientDirectory.load(clientsPath)
        } catch {
            throw StartFault(description: "\(error)")
        }
    }

    /// Puts a stronger hash in the place of the one that was just verified, unless that changed in the meantime.
    var storeHash: @Sendable (User, String) throws -> Void {
        let path = usersPath
        return { user, hash in
            try UserDirectory.edit(path, mustExist: true) { directory throws(AccountsFault) in
                guard directory.user(id: user.id)?.passwordHash == user.passwordHash else { return directory }
                return try directory.settingPasswordHash(hash, of: user.name)
            }
        }
    }
}
