import Encoding

/// The clients at one moment: an immutable snapshot of `clients.json`, replaced as a whole when the file changes.
package final class ClientDirectory: Sendable {
    /// In the file's order.
    package let clients: [Client]
    private let positions: [String: Int]

    /// An empty directory.
    package convenience init() {
        self.init(checked: [])
    }

    /// - Parameter path: used only in errors.
    /// - Throws: `.malformed` with the line of the first mistake, `.tooLarge`.
    package convenience init(parsing bytes: [UInt8], path: String) throws(AccountsError) {
        let reader = try TableReader(parsing: bytes, path: path)
        var clients: [Client] = []
        var ids: Set<String> = []
        for row in try reader.rows("clients") {
            let client = try Self.client(row, reader)
            guard ids.insert(client.id).inserted else {
                throw reader.fault("id", of: row, "an id that no other client has")
            }
            clients.append(client)
        }
        self.init(checked: clients)
    }

    private init(checked clients: [Client]) {
        self.clients = clients
        positions = Dictionary(uniqueKeysWithValues: clients.indices.map { (clients[$0].id, $0) })
    }

    package func client(id: String) -> Client? {
        positions[id].map { clients[$0] }
    }

    /// Returns the client if it is enabled and the secret is one of its own.
    ///
    /// An unknown id costs the same hash and the same comparisons as a known one.
    package func authenticate(id: String, secret: Span<UInt8>) -> Client? {
        guard secret.count <= ClientSecret.byteCountMax else { return nil }
        let presented = ClientSecret.hash(secret)
        let found = client(id: id)
        let hashes = found?.secretHashes ?? []
        var matches = false
        for index in 0..<ClientSecret.hashCountMax {
            let stored = index < hashes.count ? hashes[index] : Self.noHash
            let isEqual = ConstantTime.isEqual(presented.span, stored.span)
            matches = (isEqual && index < hashes.count) || matches
        }
        guard matches, let found, !found.isDisabled else { return nil }
        return found
    }

    private static let noHash = [UInt8](repeating: 0, count: ClientSecret.hashByteCount)

    // MARK: Editing

    /// - Throws: `.exists`, or `.invalid` for content that the file may not have.
    package func adding(_ client: Client) throws(AccountsError) -> ClientDirectory {
        try Self.check(client)
        guard positions[client.id] == nil else { throw .exists(kind: "client", name: client.id) }
        return ClientDirectory(checked: clients + [client])
    }

    /// Returns a copy in which the client of this id is changed, except for its id.
    /// - Throws: `.missing`, or `.invalid` for content that the file may not have.
    package func changing(_ id: String, _ change: (inout Client) -> Void) throws(AccountsError) -> ClientDirectory {
        guard let position = positions[id] else { throw .missing(kind: "client", name: id) }
        var changed = clients
        change(&changed[position])
        guard changed[position].id == id else { throw .invalid(field: "id", expected: id) }
        try Self.check(changed[position])
        return ClientDirectory(checked: changed)
    }

    /// - Throws: `.missing`.
    package func removing(_ id: String) throws(AccountsError) -> ClientDirectory {
        guard let position = positions[id] else { throw .missing(kind: "client", name: id) }
        var left = clients
        left.remove(at: position)
        return ClientDirectory(checked: left)
    }
}
