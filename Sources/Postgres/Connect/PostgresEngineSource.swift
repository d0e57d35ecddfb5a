internal import Journal
package import Store

/// Makes the two halves of PostgreSQL as an engine.
package struct PostgresEngineSource: StoreEngineSource {
    private let places: PostgresPlaces
    private let schema: PostgresSchema
    private let replicas: Int

    package var name: String { places.name }
    /// What PostgreSQL acknowledged is on its disk.
    package var mayForget: Bool { false }

    /// Loads libpq and checks the address and the prefix; nothing is sent.
    package init(_ connection: StoreConnection) throws(StoreFault) {
        try PostgresLibrary.load()
        places = try PostgresPlaces(connection)
        schema = try PostgresSchema(prefix: connection.prefix)
        replicas = connection.replicas
    }

    package func engine() throws(StoreFault) -> any StoreEngine { PostgresEngine(places, schema, replicas: replicas) }

    package func tail() throws(StoreFault) -> any StoreTail { PostgresTail(places, schema) }

    /// The SQL that ``applySchema(role:by:)`` runs, for operators who run it themselves.
    package static func schemaSQL(prefix: String, role: String? = nil) throws(StoreFault) -> String {
        try PostgresSchema(prefix: prefix).text(role: role)
    }

    /// Makes the schema or brings it up to date, as the user of the address.
    ///
    /// - Parameter role: gets the rights that the service needs; nil if that user is the role of the service.
    package func applySchema(role: String? = nil, by deadline: StoreDeadline) throws(StoreFault) {
        var first = 0
        let link = try places.connect(from: &first, by: deadline)
        do {
            try link.runScript(schema.text(role: role), by: deadline)
        } catch {
            if error.cause == .answered("0A000") {
                throw FaultTable.fault(PostgresError(.answered(FaultTable.newerSchema), error.reason), .writing)
            }
            throw FaultTable.fault(error, .writing)
        }
    }
}
