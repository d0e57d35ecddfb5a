internal import Journal
internal import Platform
package import Revocation
package import Store

/// Reads the log of PostgreSQL over a connection of its own.
package final class PostgresTail: StoreTail {
    private static let recordCountMax = 4_096

    private let schema: PostgresSchema
    private let places: PostgresPlaces
    private var primary = 0
    private var link: PostgresLink?

    init(_ places: PostgresPlaces, _ schema: PostgresSchema) {
        self.places = places
        self.schema = schema
    }

    package func connect(by deadline: StoreDeadline) throws(StoreFault) -> EngineHead {
        disconnect()
        let link = try places.connect(from: &primary, by: deadline)
        self.link = link
        do {
            _ = try link.run("LISTEN \(schema.quoted)", by: deadline)
        } catch {
            // Some poolers reject it. Then the log is asked when the wait is over.
            guard FaultTable.keepsConnection(error) else {
                disconnect()
                throw FaultTable.fault(error, .reading)
            }
        }
        let head = try ask(after: nil, by: deadline).head
        guard let head else {
            throw .epoch(nil)
        }
        return head
    }

    package func disconnect() { link = nil }

    package func read(
        after position: LedgerPosition, wait: Int, by deadline: StoreDeadline
    ) throws(StoreFault) -> TailBatch {
        let batch = try ask(after: position, by: deadline).batch(after: position)
        let rest = min(StoreDeadline.after(milliseconds: wait).milliseconds, deadline.milliseconds)
        guard batch.records.isEmpty, rest > 0 else { return batch }
        guard let link else { throw .unreachable(reason: "there is no connection to PostgreSQL") }
        do {
            // The caller asks again: it may have the new records itself, and knows by then.
            _ = try link.awaitNotification(rest)
        } catch {
            disconnect()
            throw FaultTable.fault(error, .reading)
        }
        return batch
    }

    /// Asks for the head, the epochs and the records after a position in one statement, so that they are of one moment.
    private func ask(after position: LedgerPosition?, by deadline: StoreDeadline) throws(StoreFault) -> LogPage {
        guard let link else { throw .unreachable(reason: "there is no connection to PostgreSQL") }
        // What was notified before the question is in its answer.
        _ = link.takeNotifications()
        var values = BinaryValues()
        values.add(Int64(clamping: position?.seq ?? .max))
        let text = """
            SELECT 0, epoch, seq, at, convert_to(identity, 'UTF8') FROM \(schema.quoted).head
            UNION ALL SELECT 1, epoch, first, coalesce(last, -1), NULL FROM \(schema.quoted).epoch
            UNION ALL (SELECT 2, epoch, seq, at, record FROM \(schema.quoted).log WHERE seq > $1
                ORDER BY seq LIMIT \(Self.recordCountMax))
            """
        do {
            return try LogPage(try link.run(text, values, by: deadline))
        } catch {
            disconnect()
            throw FaultTable.fault(error, .reading)
        }
    }
}
