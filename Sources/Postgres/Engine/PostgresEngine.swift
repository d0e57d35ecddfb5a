internal import Journal
internal import Platform
internal import Revocation
package import Store

/// PostgreSQL as the engine of several nodes.
package final class PostgresEngine: StoreEngine {
    let schema: PostgresSchema
    private let places: PostgresPlaces
    private let replicasWanted: Int
    /// The server that was the primary last.
    private var primary = 0
    private var link: PostgresLink?
    var replicas = ReplicaPositions()
    var statements = PreparedStatements()

    init(_ places: PostgresPlaces, _ schema: PostgresSchema, replicas: Int) {
        self.places = places
        self.schema = schema
        replicasWanted = replicas
    }

    package func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineReport {
        disconnect()
        let link = try places.connect(from: &primary, by: deadline)
        self.link = link
        do {
            return try use(.reading) { link throws(PostgresError) in
                let inspection = try EngineInspection(link, schema, by: deadline)
                return inspection.report(replicasWanted: replicasWanted)
            }
        } catch {
            disconnect()
            throw error
        }
    }

    package func disconnect() {
        link = nil
        statements.reset()
    }

    /// Runs statements, and closes the connection after a failure that leaves it unusable.
    func use<Value>(
        _ moment: FaultTable.Moment, _ body: (PostgresLink) throws(PostgresError) -> Value
    ) throws(StoreFault) -> Value {
        guard let link else { throw .unreachable(reason: "there is no connection to PostgreSQL") }
        do {
            return try body(link)
        } catch {
            if !FaultTable.keepsConnection(error) { disconnect() }
            throw FaultTable.fault(error, moment)
        }
    }

    package func begin(
        epoch: UInt32, at seq: UInt64, expecting expected: EngineHead?, identity: String, by deadline: StoreDeadline
    ) throws(StoreFault) -> EngineHead {
        var values = BinaryValues()
        values.add(Int64(expected?.position.epoch ?? 0))
        values.add(Int64(clamping: expected?.position.seq ?? 0))
        values.add(expected?.identity ?? "")
        values.add(Int64(epoch))
        values.add(Int64(clamping: seq))
        values.add(identity)
        let (began, warning) = try use(.writing) { link throws(PostgresError) -> (Bool, String?) in
            _ = link.takeWarning()
            let answer = try link.run(
                "SELECT \(schema.quoted).begin_epoch($1, $2, $3, $4, $5, $6)", values, by: deadline)
            let warning = link.takeWarning()
            return (try answer.isTrue(0, 0), warning.map { "\($0.state): \($0.text)" })
        }
        if let warning { throw .lost(reason: warning) }
        let found = try use(.reading) { link throws(PostgresError) in try self.head(link, by: deadline) }
        guard began, let found else { throw .epoch(found) }
        return found
    }

    /// How far the log is; nil if no epoch has begun.
    func head(_ link: PostgresLink, by deadline: StoreDeadline) throws(PostgresError) -> EngineHead? {
        let answer = try link.run("SELECT epoch, seq, at, identity FROM \(schema.quoted).head", by: deadline)
        return try answer.head(0, from: 0)
    }
}

extension PostgresResult {
    /// Reads epoch, seq, time and identity from four columns.
    func head(_ row: Int, from column: Int) throws(PostgresError) -> EngineHead? {
        let epoch: Int64 = try number(row, column)
        if epoch == 0 { return nil }
        return EngineHead(
            position: try position(row, epoch: column, seq: column + 1), time: try time(row, column + 2),
            identity: try text(row, column + 3))
    }

    func position(_ row: Int, epoch: Int, seq: Int) throws(PostgresError) -> LedgerPosition {
        let wide: Int64 = try number(row, epoch)
        guard let epoch = UInt32(exactly: wide) else { throw .malformed("an epoch is \(wide)") }
        return LedgerPosition(epoch: epoch, seq: try unsigned(row, seq))
    }

    func unsigned(_ row: Int, _ column: Int) throws(PostgresError) -> UInt64 {
        let value: Int64 = try number(row, column)
        guard let value = UInt64(exactly: value) else { throw .malformed("a number is negative") }
        return value
    }

    func time(_ row: Int, _ column: Int) throws(PostgresError) -> UnixMilliseconds {
        UnixMilliseconds(try number(row, column))
    }
}
