import Encoding
import Platform

extension ClientDirectory {
    private static let algorithmExpected = "one of \(Client.algorithms.joined(separator: ", "))"
    private static let anyUser = "any"
    private static let grantExpected = "one of \(Client.grantTypes.joined(separator: ", "))"
    private static let lifetimeExpected =
        "\(Client.accessLifetimes.lowerBound) to \(Client.accessLifetimes.upperBound) seconds"
    private static let secretsExpected = "SHA-256 of a secret as 43 letters of base64url"

    /// Returns the file's content: indented, members and clients in a fixed order.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter(isPretty: true)
        writer.beginObject()
        writer.name("clients")
        writer.beginArray()
        for client in clients {
            writer.beginObject()
            writer.name("id")
            writer.string(client.id)
            if let name = client.name {
                writer.name("name")
                writer.string(name)
            }
            writer.strings("secrets_sha256", client.secretHashes.map { Base64URL.encode($0) })
            writer.strings("audiences", client.audiences)
            writer.strings("scopes", client.scopes)
            if let algorithm = client.algorithm {
                writer.name("alg")
                writer.string(algorithm)
            }
            if !client.grants.isEmpty { writer.strings("grants", client.grants) }
            if let lifetime = client.accessLifetime {
                writer.name("access_ttl")
                writer.integer(lifetime)
            }
            if !client.roles.isEmpty { writer.strings("roles", client.roles) }
            if client.opensForAnyUser {
                writer.name("users")
                writer.string(Self.anyUser)
            }
            writer.name("disabled")
            writer.bool(client.isDisabled)
            writer.name("created_at")
            writer.integer(client.createdAt.count)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    package var valueCountBound: Int {
        clients.reduce(3) { sum, client in
            let lists = [client.audiences, client.scopes, client.grants, client.roles]
            return sum + 25 + client.secretHashes.count + lists.reduce(0) { $0 + $1.count }
        }
    }

    private static let members = TableReader.Members([
        "id", "name", "secrets_sha256", "audiences", "scopes", "alg", "grants", "access_ttl", "roles", "users",
        "disabled", "created_at",
    ])

    static func client(_ row: TableReader.Row, _ reader: TableReader) throws(AccountsError) -> Client {
        try reader.check(row, members: members)
        var last = TableReader.Repeated<[String]>()
        // Lists that were checked by another rule are not shared.
        var (grants, roles) = (last, last)
        let secrets = try reader.strings("secrets_sha256", of: row, after: &last, expected: secretsExpected) {
            Base64URL.decode($0)?.count == ClientSecret.hashByteCount
        }
        guard (1...ClientSecret.hashCountMax).contains(secrets.count) else {
            throw reader.fault("secrets_sha256", of: row, "one or two hashes")
        }
        return Client(
            id: try reader.string("id", of: row, expected: Names.clientIDExpected, where: Names.isClientID),
            secretHashes: secrets.compactMap { Base64URL.decode($0) },
            name: try reader.optionalString("name", of: row, expected: Names.nameExpected, where: Names.isDisplayName),
            audiences: try reader.strings(
                "audiences", of: row, after: &last, expected: Names.tokenExpected, where: Names.isToken),
            scopes: try reader.strings(
                "scopes", of: row, after: &last, expected: Names.tokenExpected, where: Names.isToken),
            algorithm: try reader.optionalString("alg", of: row, expected: algorithmExpected) {
                Client.algorithms.contains($0)
            },
            grants: try reader.strings("grants", of: row, after: &grants, expected: grantExpected) {
                Client.grantTypes.contains($0)
            },
            accessLifetime: try reader.optionalInteger(
                "access_ttl", of: row, within: Client.accessLifetimes, expected: lifetimeExpected),
            roles: try reader.strings(
                "roles", of: row, after: &roles, expected: Names.roleExpected, where: Names.isRole),
            opensForAnyUser: try reader.optionalString("users", of: row, expected: "any, or no such member") {
                $0 == anyUser
            } != nil,
            isDisabled: try reader.bool("disabled", of: row),
            createdAt: try reader.milliseconds("created_at", of: row))
    }

    /// Makes the checks of `client(_:_:)` for a client that was not read from a file.
    static func check(_ client: Client) throws(AccountsError) {
        guard Names.isClientID(client.id) else { throw .invalid(field: "id", expected: Names.clientIDExpected) }
        guard (1...ClientSecret.hashCountMax).contains(client.secretHashes.count),
            client.secretHashes.allSatisfy({ $0.count == ClientSecret.hashByteCount })
        else { throw .invalid(field: "secrets", expected: secretsExpected) }
        if let name = client.name, !Names.isDisplayName(name) {
            throw .invalid(field: "name", expected: Names.nameExpected)
        }
        try Names.check(client.audiences, "audience")
        try Names.check(client.scopes, "scope")
        if let algorithm = client.algorithm, !Client.algorithms.contains(algorithm) {
            throw .invalid(field: "alg", expected: algorithmExpected)
        }
        guard client.grants.allSatisfy(Client.grantTypes.contains) else {
            throw .invalid(field: "grant", expected: grantExpected)
        }
        try Names.check(client.grants, "grant")
        if let lifetime = client.accessLifetime, !Client.accessLifetimes.contains(lifetime) {
            throw .invalid(field: "access_ttl", expected: lifetimeExpected)
        }
        guard client.roles.allSatisfy(Names.isRole) else { throw .invalid(field: "role", expected: Names.roleExpected) }
        try Names.check(client.roles, "role")
        guard client.createdAt >= 0 else { throw .invalid(field: "created_at", expected: "milliseconds since 1970") }
    }
}
