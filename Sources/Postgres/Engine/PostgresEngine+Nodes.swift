internal import Journal
internal import Platform
internal import Revocation
package import Store

extension PostgresEngine {
    /// Nodes that did not report for longer are not returned, in milliseconds.
    private static let nodeAgeMax: Int64 = 60_000
    private static let nodeCountMax = 1_000
    /// The rows that one call removes from each table: few, so that no batch waits long for their locks.
    private static let pieceCount: Int32 = 2_000
    private static let logAge: Int64 = 3_600_000
    private static let logCount: Int64 = 1_000_000

    package func exchange(_ own: NodeReport, by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus {
        let isStored = try use(.reading) { link throws(PostgresError) in
            try link.run(
                "SELECT \(schema.quoted).exchange($1, $2, $3, $4, $5, $6, $7, $8, $9)", Self.values(own), by: deadline
            ).isTrue(0, 0)
        }
        var status = try status(by: deadline)
        status.isNameTaken = !isStored
        return status
    }

    package func status(by deadline: StoreDeadline) throws(StoreFault) -> EngineStatus {
        try use(.reading) { link throws(PostgresError) in
            let answer = try link.run(
                """
                SELECT h.epoch, h.seq, h.at, h.identity, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                    (pg_current_wal_insert_lsn() - '0/0')::bigint, r.count,
                    coalesce((r.least - '0/0')::bigint, -1), r.visible, s.count
                FROM \(schema.quoted).head h,
                    (SELECT count(*), count(flush_lsn) AS visible, min(flush_lsn) AS least FROM pg_stat_replication) r,
                    (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical') s
                """, by: deadline)
            let head = try answer.head(0, from: 0)
            if let head {
                replicas.note(
                    seq: head.position.seq, at: try answer.number(0, 5),
                    ReplicaPositions.Sighting(
                        count: Int(try answer.unsigned(0, 6)), visibleCount: Int(try answer.unsigned(0, 8)),
                        slotCount: Int(try answer.unsigned(0, 9)), least: try answer.number(0, 7)))
            }
            let now = try answer.time(0, 4)
            let nodes = try self.nodes(link, now, by: deadline)
            return EngineStatus(
                nodes: nodes, now: now, head: head, safeSeq: replicas.safeSeq, isNameTaken: false)
        }
    }

    private static func values(_ own: NodeReport) -> BinaryValues {
        var values = BinaryValues()
        values.add(own.name)
        values.add(Int64(bitPattern: own.instance))
        values.add(own.version)
        values.add(Int64(own.position.epoch))
        values.add(Int64(clamping: own.position.seq))
        values.add(own.age)
        values.add(own.clockOffset)
        values.add(own.keyHash)
        values.add(own.settingsHash)
        return values
    }

    private func nodes(_ link: PostgresLink, _ now: UnixMilliseconds, by deadline: StoreDeadline)
        throws(PostgresError) -> [NodeReport]
    {
        var values = BinaryValues()
        values.add(now.count.saturatingAdd(-Self.nodeAgeMax))
        let rows = try link.run(
            """
            SELECT name, instance, version, epoch, seq, age, clock_offset, key_hash, settings_hash, at
            FROM \(schema.quoted).node WHERE at >= $1 ORDER BY name LIMIT \(Self.nodeCountMax)
            """, values, by: deadline)
        var nodes: [NodeReport] = []
        for row in 0..<rows.rowCount {
            let instance: Int64 = try rows.number(row, 1)
            var node = NodeReport(
                name: try rows.text(row, 0), instance: UInt64(bitPattern: instance), version: try rows.text(row, 2),
                position: try rows.position(row, epoch: 3, seq: 4), age: try rows.number(row, 5),
                clockOffset: try rows.number(row, 6), keyHash: try rows.text(row, 7),
                settingsHash: try rows.text(row, 8))
            node.time = try rows.time(row, 9)
            nodes.append(node)
        }
        return nodes
    }

    package func maintain(by deadline: StoreDeadline) throws(StoreFault) -> Bool {
        var values = BinaryValues()
        values.add(Self.pieceCount)
        values.add(Self.logAge)
        values.add(Self.logCount)
        let removed: Int32 = try use(.reading) { link throws(PostgresError) in
            try link.run("SELECT \(schema.quoted).maintain($1, $2, $3)", values, by: deadline).number(0, 0)
        }
        // With fewer, another node does it, or there is no more.
        return removed >= Self.pieceCount
    }
}

/// Up to where all replicas have the log, from what the primary says about them each second.
struct ReplicaPositions {
    struct Sighting {
        let count: Int
        /// How many the role may see the positions of: all of them with the role pg_monitor, else none.
        let visibleCount: Int
        /// The slots of replicas, also of those that are away.
        let slotCount: Int
        /// The position that the one furthest behind has on disk, in bytes.
        let least: Int64
    }

    private static let sampleCountMax = 600

    /// Heads with the end of the primary's log after each.
    private var samples: [(seq: UInt64, end: Int64)] = []
    private var countMax = 0
    /// Nil while it is not known.
    private(set) var safeSeq: UInt64?

    mutating func note(seq: UInt64, at end: Int64, _ sighting: Sighting) {
        countMax = max(countMax, sighting.count, sighting.slotCount)
        if samples.last?.seq != seq { samples.append((seq, end)) }
        if samples.count > Self.sampleCountMax { samples.removeFirst(samples.count - Self.sampleCountMax) }
        // Without replicas it is not known either: one may be made, or be away now.
        guard countMax > 0, sighting.count >= countMax, sighting.visibleCount == sighting.count else { return }
        while let first = samples.first, first.end <= sighting.least {
            safeSeq = max(safeSeq ?? 0, first.seq)
            samples.removeFirst()
        }
    }
}
