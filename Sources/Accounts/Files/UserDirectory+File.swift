import Encoding
import Platform

extension UserDirectory {
    static let hashExpected = "a password hash such as $argon2id$..., or ! for none"

    /// Returns the file's content: indented, members and users in a fixed order.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter(isPretty: true, capacity: users.count * 448)
        writer.beginObject()
        writer.name("users")
        writer.beginArray()
        var id: [UInt8] = []
        for user in users {
            writer.beginObject()
            writer.name("id")
            id.removeAll(keepingCapacity: true)
            user.id.write(to: &id)
            writer.string(utf8: id.span)
            writer.name("username")
            writer.string(user.name)
            writer.name("password")
            writer.string(user.passwordHash)
            writer.strings("roles", user.roles)
            writer.strings("scopes", user.scopes)
            writer.name("disabled")
            writer.bool(user.isDisabled)
            writer.name("sessions_from")
            writer.integer(user.sessionsFrom.count)
            writer.name("claims")
            writer.raw(user.claims)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.finishedLine()
    }

    package var valueCountBound: Int {
        // Each value in the claims takes at least two bytes.
        users.reduce(3) { $0 + 18 + $1.roles.count + $1.scopes.count + $1.claims.count / 2 }
    }

    /// Reads one row after the other.
    struct Columns {
        private static let members = TableReader.Members([
            "id", "username", "password", "roles", "scopes", "disabled", "sessions_from", "claims",
        ])

        private var roles = TableReader.Repeated<[String]>()
        private var scopes = TableReader.Repeated<[String]>()
        private var claims = TableReader.Repeated<[UInt8]>()

        mutating func user(_ row: TableReader.Row, _ reader: TableReader) throws(AccountsError) -> User {
            try reader.check(row, members: Self.members)
            let text = try reader.string("id", of: row, expected: "a UUID in lower case") { UUID($0) != nil }
            guard let id = UUID(text) else { throw reader.fault("id", of: row, "a UUID in lower case") }
            return User(
                id: id,
                name: try reader.string("username", of: row, expected: Names.userNameExpected, where: Names.isUserName),
                passwordHash: try reader.string("password", of: row, expected: hashExpected, where: Names.isStoredHash),
                roles: try reader.strings(
                    "roles", of: row, after: &roles, expected: Names.roleExpected, where: Names.isRole),
                scopes: try reader.strings(
                    "scopes", of: row, after: &scopes, expected: Names.tokenExpected, where: Names.isToken),
                isDisabled: try reader.bool("disabled", of: row),
                sessionsFrom: try reader.milliseconds("sessions_from", of: row),
                claims: try reader.claims("claims", of: row, after: &claims))
        }
    }

    /// Makes the checks of ``Columns`` for a user that was not read from a file.
    static func check(_ user: User) throws(AccountsError) {
        guard Names.isUserName(user.name) else { throw .invalid(field: "username", expected: Names.userNameExpected) }
        guard Names.isStoredHash(user.passwordHash) else { throw .invalid(field: "password", expected: hashExpected) }
        guard user.roles.allSatisfy(Names.isRole) else { throw .invalid(field: "role", expected: Names.roleExpected) }
        try Names.check(user.roles, "role")
        try Names.check(user.scopes, "scope")
        guard user.sessionsFrom >= 0 else {
            throw .invalid(field: "sessions_from", expected: "milliseconds since 1970")
        }
        guard Claims.isAcceptable(user.claims) else { throw .invalid(field: "claims", expected: Claims.expected) }
    }
}

extension Names {
    static func check(_ tokens: [String], _ field: String) throws(AccountsError) {
        guard tokens.allSatisfy(isToken) else { throw .invalid(field: field, expected: tokenExpected) }
        guard Set(tokens).count == tokens.count else { throw .invalid(field: field, expected: "each only once") }
    }
}

extension JSONWriter {
    mutating func strings(_ name: StaticString, _ texts: [String]) {
        self.name(name)
        beginArray()
        for text in texts { string(text) }
        endArray()
    }
}
