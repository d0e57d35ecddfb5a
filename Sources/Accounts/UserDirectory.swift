package import Octets

/// The users at one moment: an immutable snapshot of `users.json`, replaced as a whole when the file changes.
///
/// Names are the same if Unicode calls them equivalent, however they are composed; case matters.
package final class UserDirectory: Sendable {
    /// In the file's order.
    package let users: [User]
    private let positions: [String: Int]
    private let positionsByID: [UUID: Int]
    private let standings: [UUID: User.Standing]

    /// No users.
    package convenience init() {
        self.init(checked: [])
    }

    /// - Parameter path: only for faults.
    /// - Throws: `.malformed` with the line of the first thing that is not as `docs` say, `.tooLarge`.
    package convenience init(parsing bytes: [UInt8], path: String) throws(AccountsFault) {
        let reader = try TableReader(parsing: bytes, path: path)
        var users: [User] = []
        var names: Set<String> = []
        var ids: Set<UUID> = []
        for row in try reader.rows("users") {
            let user = try Self.user(row, reader)
            guard names.insert(user.name).inserted else {
                throw reader.fault("username", of: row, "a username that no other user has, not \"\(user.name)\" again")
            }
            guard ids.insert(user.id).inserted else {
                throw reader.fault("id", of: row, "an id that no other user has")
            }
            users.append(user)
        }
        self.init(checked: users)
    }

    private init(checked users: [User]) {
        self.users = users
        // Unique by construction, whoever calls.
        positions = Dictionary(uniqueKeysWithValues: users.indices.map { (users[$0].name, $0) })
        positionsByID = Dictionary(uniqueKeysWithValues: users.indices.map { (users[$0].id, $0) })
        standings = Dictionary(uniqueKeysWithValues: users.map { ($0.id, $0.standing) })
    }

    package func user(named name: String) -> User? {
        positions[name].map { users[$0] }
    }

    package func user(id: UUID) -> User? {
        positionsByID[id].map { users[$0] }
    }

    /// What verification asks; `nil` if there is no such user. One look-up, nothing allocated or retained.
    package func standing(of id: UUID) -> User.Standing? {
        standings[id]
    }

    // MARK: Editing

    /// - Throws: `.exists` for a name or id that is taken, `.invalid` for what the file may not hold.
    package func adding(_ user: User) throws(AccountsFault) -> UserDirectory {
        try Self.check(user)
        guard positions[user.name] == nil, positionsByID[user.id] == nil else {
            throw .exists(kind: "user", name: user.name)
        }
        return UserDirectory(checked: users + [user])
    }

    /// The same with the user of this name changed. Neither id nor name changes.
    /// - Throws: `.missing`, or `.invalid` for what the file may not hold.
    package func changing(_ name: String, _ change: (inout User) -> Void) throws(AccountsFault) -> UserDirectory {
        guard let position = positions[name] else { throw .missing(kind: "user", name: name) }
        var changed = users
        change(&changed[position])
        changed[position].name = users[position].name
        try Self.check(changed[position])
        return UserDirectory(checked: changed)
    }

    /// The same password under another hash (F7); sessions go on.
    /// - Throws: `.missing`, or `.invalid` for what the file may not hold.
    package func settingPasswordHash(_ hash: String, of name: String) throws(AccountsFault) -> UserDirectory {
        try changing(name) { $0.passwordHash = hash }
    }

    /// - Throws: `.missing`.
    package func removing(_ name: String) throws(AccountsFault) -> UserDirectory {
        guard let position = positions[name] else { throw .missing(kind: "user", name: name) }
        var left = users
        left.remove(at: position)
        return UserDirectory(checked: left)
    }
}
