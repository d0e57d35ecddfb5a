package import Encoding
package import Platform

/// The users at one moment: an immutable snapshot of `users.json`, replaced as a whole when the file changes.
///
/// Canonically equivalent Unicode names are equal; names are case-sensitive.
package final class UserDirectory: Sendable {
    /// In the file's order.
    package let users: [User]
    private let positions: [String: Int]
    private let places: [UUID: Place]

    /// A user's index in ``users`` together with what verification reads, so that one lookup returns both.
    private struct Place {
        let position: Int
        let standing: User.Standing
    }

    /// An empty directory.
    package convenience init() {
        self.init(checked: [], [:], [:])
    }

    /// - Parameter path: used only in errors.
    /// - Throws: `.malformed` with the line of the first mistake, `.tooLarge`.
    package convenience init(parsing bytes: [UInt8], path: String) throws(AccountsError) {
        let reader = try TableReader(parsing: bytes, path: path)
        let rows = try reader.rows("users")
        var users: [User] = []
        users.reserveCapacity(rows.count)
        var positions: [String: Int] = Dictionary(minimumCapacity: rows.count)
        var places: [UUID: Place] = Dictionary(minimumCapacity: rows.count)
        var columns = Columns()
        for row in rows {
            let user = try columns.user(row, reader)
            guard positions.updateValue(users.count, forKey: user.name) == nil else {
                throw reader.fault("username", of: row, "a username that no other user has, not \"\(user.name)\" again")
            }
            let place = Place(position: users.count, standing: user.standing)
            guard places.updateValue(place, forKey: user.id) == nil else {
                throw reader.fault("id", of: row, "an id that no other user has")
            }
            users.append(user)
        }
        self.init(checked: users, positions, places)
    }

    private init(checked users: [User], _ positions: [String: Int], _ places: [UUID: Place]) {
        self.users = users
        self.positions = positions
        self.places = places
    }

    package func user(named name: String) -> User? {
        positions[name].map { users[$0] }
    }

    package func user(id: UUID) -> User? {
        places[id].map { users[$0.position] }
    }

    /// Returns what verification reads of a user, or `nil` if there is no such user. One lookup, without allocating or
    /// retaining.
    package func standing(of id: UUID) -> User.Standing? {
        places[id]?.standing
    }

    /// The same with other times from which sessions of some users are admitted.
    package func admittingSessions(from times: [UUID: UnixMilliseconds]) -> UserDirectory {
        let limited = users.map { user in
            var user = user
            user.sessionsFrom = times[user.id] ?? user.sessionsFrom
            return user
        }
        let places = places.mapValues { Place(position: $0.position, standing: limited[$0.position].standing) }
        return UserDirectory(checked: limited, positions, places)
    }

    // MARK: Editing

    /// - Throws: `.exists` for a name or id in use, `.invalid` for content that the file may not have.
    package func adding(_ user: User) throws(AccountsError) -> UserDirectory {
        try Self.check(user)
        guard positions[user.name] == nil, places[user.id] == nil else {
            throw .exists(kind: "user", name: user.name)
        }
        var positions = positions
        positions[user.name] = users.count
        var places = places
        places[user.id] = Place(position: users.count, standing: user.standing)
        return UserDirectory(checked: users + [user], positions, places)
    }

    /// Returns a copy with many more users.
    /// - Throws: `.exists` for a name or id in use, `.invalid` for content that the file may not have.
    package func adding(_ added: [User]) throws(AccountsError) -> UserDirectory {
        var (all, positions, places) = (users, positions, places)
        all.reserveCapacity(users.count + added.count)
        for user in added {
            try Self.check(user)
            guard positions.updateValue(all.count, forKey: user.name) == nil,
                places.updateValue(Place(position: all.count, standing: user.standing), forKey: user.id) == nil
            else { throw .exists(kind: "user", name: user.name) }
            all.append(user)
        }
        return UserDirectory(checked: all, positions, places)
    }

    /// Returns why the file may not contain this user; `nil` if it may.
    package static func fault(in user: User) -> AccountsError? {
        do throws(AccountsError) { try check(user) } catch { return error }
        return nil
    }

    /// Returns a copy in which the user of this name is changed, except for id and name.
    /// - Throws: `.missing`, or `.invalid` for content that the file may not have.
    package func changing(_ name: String, _ change: (inout User) -> Void) throws(AccountsError) -> UserDirectory {
        guard let position = positions[name] else { throw .missing(kind: "user", name: name) }
        var changed = users
        change(&changed[position])
        changed[position].name = users[position].name
        let user = changed[position]
        try Self.check(user)
        var places = places
        places[user.id] = Place(position: position, standing: user.standing)
        return UserDirectory(checked: changed, positions, places)
    }

    /// Returns a copy with a new hash of the same password, for upgrading weaker hashes; sessions stay valid.
    /// - Throws: `.missing`, or `.invalid` for content that the file may not have.
    package func settingPasswordHash(_ hash: String, of name: String) throws(AccountsError) -> UserDirectory {
        try changing(name) { $0.passwordHash = hash }
    }

    /// - Throws: `.missing`.
    package func removing(_ name: String) throws(AccountsError) -> UserDirectory {
        guard let position = positions[name] else { throw .missing(kind: "user", name: name) }
        var left = users
        left.remove(at: position)
        var positions: [String: Int] = Dictionary(minimumCapacity: left.count)
        var places: [UUID: Place] = Dictionary(minimumCapacity: left.count)
        for (position, user) in left.enumerated() {
            positions[user.name] = position
            places[user.id] = Place(position: position, standing: user.standing)
        }
        return UserDirectory(checked: left, positions, places)
    }
}
