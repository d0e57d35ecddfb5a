package import Encoding

/// The users at one moment: an immutable snapshot of `users.json`, replaced as a whole when the file changes.
///
/// Names are the same if Unicode calls them equivalent, however they are composed; case matters.
package final class UserDirectory: Sendable {
    /// In the file's order.
    package let users: [User]
    private let positions: [String: Int]
    private let places: [UUID: Place]

    /// Where a user stands in ``users``, and what verification asks: one look-up for both.
    private struct Place {
        let position: Int
        let standing: User.Standing
    }

    /// No users.
    package convenience init() {
        self.init(checked: [], [:], [:])
    }

    /// - Parameter path: only for faults.
    /// - Throws: `.malformed` with the line of the first thing that is not as `docs` say, `.tooLarge`.
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

    /// What verification asks; `nil` if there is no such user. One look-up, nothing allocated or retained.
    package func standing(of id: UUID) -> User.Standing? {
        places[id]?.standing
    }

    /// The same with other times from which sessions of some users are admitted.
    package func admittingSessions(from times: [UUID: Int64]) -> UserDirectory {
        let limited = users.map { user in
            var user = user
            user.sessionsFrom = times[user.id] ?? user.sessionsFrom
            return user
        }
        let places = places.mapValues { Place(position: $0.position, standing: limited[$0.position].standing) }
        return UserDirectory(checked: limited, positions, places)
    }

    // MARK: Editing

    /// - Throws: `.exists` for a name or id that is taken, `.invalid` for what the file may not hold.
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

    /// The same with the user of this name changed. Neither id nor name changes.
    /// - Throws: `.missing`, or `.invalid` for what the file may not hold.
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

    /// The same password under another hash (F7); sessions go on.
    /// - Throws: `.missing`, or `.invalid` for what the file may not hold.
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
