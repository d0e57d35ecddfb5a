import Octets

extension UserDirectory {
    static let hashExpected = "a password hash such as $argon2id$..., or ! for none"

    /// The file as we write it: indented, members and users in a fixed order.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter(isPretty: true)
        writer.beginObject()
        writer.name("users")
        writer.beginArray()
        for user in users {
            writer.beginObject()
            writer.name("id")
            writer.string(user.id.description)
            writer.name("username")
            writer.string(user.name)
            writer.name("password")
            writer.string(user.passwordHash)
            writer.strings("roles", user.roles)
            writer.strings("scopes", user.scopes)
            writer.name("disabled")
            writer.bool(user.isDisabled)
            writer.name("sessions_from")
            writer.integer(user.sessionsFrom)
            writer.name("claims")
            writer.raw(user.claims)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    static func user(_ row: TableReader.Row, _ reader: TableReader) throws(AccountsFault) -> User {
        try reader.check(
            row,
            members: [
                "id", "username", "password", "roles", "scopes", "disabled", "sessions_from", "claims",
            ])
        let id = try reader.string("id", of: row, expected: "a UUID in lower case") { UUID($0) != nil }
        guard let id = UUID(id) else { throw reader.fault("id", of: row, "a UUID in lower case") }
        return User(
            id: id,
            name: try reader.string("username", of: row, expected: Names.nameExpected, where: Names.isUserName),
            passwordHash: try reader.string("password", of: row, expected: hashExpected, where: Names.isStoredHash),
            roles: try reader.strings("roles", of: row, expected: Names.roleExpected, where: Names.isRole),
            scopes: try reader.strings("scopes", of: row, expected: Names.tokenExpected, where: Names.isToken),
            isDisabled: try reader.bool("disabled", of: row),
            sessionsFrom: try reader.milliseconds("sessions_from", of: row),
            claims: try reader.claims("claims", of: row))
    }

    /// What `user(_:_:)` asks of a row, for a user that did not come from a file.
    static func check(_ user: User) throws(AccountsFault) {
        guard Names.isUserName(user.name) else { throw .invalid(field: "username", expected: Names.nameExpected) }
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
    static func check(_ tokens: [String], _ field: String) throws(AccountsFault) {
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
