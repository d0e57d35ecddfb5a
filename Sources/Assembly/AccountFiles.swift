import Accounts
import Glibc
import Octets

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
            return try Self.read(usersPath).map { bytes throws(AccountsFault) in
                try UserDirectory(parsing: bytes, path: usersPath)
            } ?? UserDirectory()
        } catch {
            throw StartFault(description: "\(error)")
        }
    }

    func clients() throws(StartFault) -> ClientDirectory {
        do {
            return try Self.read(clientsPath).map { bytes throws(AccountsFault) in
                try ClientDirectory(parsing: bytes, path: clientsPath)
            } ?? ClientDirectory()
        } catch {
            throw StartFault(description: "\(error)")
        }
    }

    /// Puts a stronger hash in the place of the one that was just verified, unless that changed in the meantime.
    var storeHash: @Sendable (User, String) throws -> Void {
        let path = usersPath
        return { user, hash in
            try AtomicFile.withLock(path) { () throws(AccountsFault) in
                let bytes = try AtomicFile.read(path, byteCountMax: Self.byteCountMax)
                let directory = try UserDirectory(parsing: bytes, path: path)
                guard directory.user(id: user.id)?.passwordHash == user.passwordHash else { return }
                let stronger = try directory.changing(user.name) { $0.passwordHash = hash }
                try AtomicFile.replace(path, with: stronger.serialized())
            }
        }
    }

    private static let byteCountMax = 64 << 20

    /// - Returns: `nil` for a file that is not there.
    private static func read(_ path: String) throws(AccountsFault) -> [UInt8]? {
        do throws(AccountsFault) {
            return try AtomicFile.read(path, byteCountMax: byteCountMax)
        } catch .system(call: "open", _, code: ENOENT) {
            return nil
        } catch {
            throw error
        }
    }
}
