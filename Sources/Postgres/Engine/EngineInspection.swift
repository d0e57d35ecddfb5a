internal import Platform
internal import Store

/// What a server says about itself after a connect.
struct EngineInspection {
    private let identity: String
    private let head: EngineHead?
    private let now: UnixMilliseconds
    private let version: String
    /// By name.
    private let settings: [String: String]
    /// The tables that a crash would empty.
    private let unlogged: String
    private let replicaCount: Int

    private static let settingNames = [
        "fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names", "transaction_isolation",
    ]

    init(_ link: PostgresLink, _ schema: PostgresSchema, by deadline: StoreDeadline) throws(PostgresError) {
        // The first 8 digits of the name of a WAL file are the timeline; the control file has a new one only after the
        // next checkpoint.
        let columns = Self.settingNames.map { "current_setting('\($0)')" }.joined(separator: ", ")
        let answer = try link.run(
            """
            SELECT (SELECT system_identifier FROM pg_control_system()),
                left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
                floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, current_setting('server_version'),
                (SELECT count(*) FROM pg_stat_replication), current_setting('server_version_num')::bigint, \(columns)
            """, by: deadline)
        let system: Int64 = try answer.number(0, 0)
        identity = "\(UInt64(bitPattern: system)):\(try answer.text(0, 1))"
        now = try answer.time(0, 2)
        version = "PostgreSQL \(try answer.text(0, 3))"
        replicaCount = Int(try answer.unsigned(0, 4))
        let number: Int64 = try answer.number(0, 5)
        guard number >= 130_000 else { throw PostgresError(.answered("0A000"), "\(version) is older than 13") }
        var settings: [String: String] = [:]
        for (index, name) in Self.settingNames.enumerated() { settings[name] = try answer.text(0, 6 + index) }
        self.settings = settings
        let heads = try link.run("SELECT epoch, seq, at, identity, format FROM \(schema.quoted).head", by: deadline)
        let format: Int32 = try heads.number(0, 4)
        guard Int64(format) <= PostgresSchema.format else {
            throw PostgresError(.answered(FaultTable.newerSchema), "the schema has version \(format)")
        }
        guard Int64(format) == PostgresSchema.format else {
            throw PostgresError(.answered("3F000"), "the schema has version \(format)")
        }
        head = try heads.head(0, from: 0)
        let rights = try link.run(Self.rights(schema), by: deadline)
        let missing = try rights.text(0, 0)
        guard missing.isEmpty else { throw PostgresError(.answered("42501"), "the role may not use \(missing)") }
        unlogged = try rights.text(0, 1)
    }

    /// What the role lacks, and which tables are not durable.
    private static func rights(_ schema: PostgresSchema) -> String {
        let tables = PostgresSchema.readTables.map { "'\($0)'" }.joined(separator: ", ")
        return """
            SELECT coalesce((SELECT string_agg(name, ', ') FROM (
                    SELECT c.relname AS name FROM pg_class c
                        WHERE c.relnamespace = to_regnamespace('\(schema.quoted)') AND c.relname IN (\(tables))
                            AND NOT has_table_privilege(c.oid, 'SELECT')
                    UNION ALL SELECT p.proname FROM pg_proc p
                        WHERE p.pronamespace = to_regnamespace('\(schema.quoted)')
                            AND NOT has_function_privilege(p.oid, 'EXECUTE')
                ) lacking), ''),
                coalesce((SELECT string_agg(c.relname, ', ') FROM pg_class c
                    WHERE c.relnamespace = to_regnamespace('\(schema.quoted)') AND c.relkind = 'r'
                        AND c.relpersistence <> 'p'), '')
            """
    }

    func report(replicasWanted: Int) -> EngineReport {
        EngineReport(
            identity: identity, head: head, now: now, version: version, flaws: flaws(replicasWanted),
            areSettingsKnown: true, replicaCount: replicaCount)
    }

    private func flaws(_ replicasWanted: Int) -> [DurabilityFlaw] {
        var flaws: [DurabilityFlaw] = []
        func demand(_ name: String, _ good: [String], _ remedy: String) {
            guard let value = settings[name], !good.contains(value) else { return }
            flaws.append(DurabilityFlaw(setting: name, value: value, remedy: remedy))
        }
        demand("fsync", ["on"], "Set fsync = on in postgresql.conf and reload.")
        demand("full_page_writes", ["on"], "Set full_page_writes = on in postgresql.conf and reload.")
        demand(
            "synchronous_commit", ["on", "remote_apply"],
            "Set synchronous_commit = on, also for the role and the database (ALTER ROLE, ALTER DATABASE).")
        demand(
            "transaction_isolation", ["read committed"],
            "Set default_transaction_isolation = 'read committed' for the role.")
        if !unlogged.isEmpty {
            flaws.append(
                DurabilityFlaw(
                    setting: "unlogged tables", value: unlogged, remedy: "Run ALTER TABLE … SET LOGGED for each."))
        }
        let names = settings["synchronous_standby_names"] ?? ""
        if replicasWanted > SynchronousStandbys.count(names) {
            flaws.append(
                DurabilityFlaw(
                    setting: "synchronous_standby_names", value: names,
                    remedy:
                        "Set it to ANY \(replicasWanted) (names of the standbys), as MARTLET_STORE_REPLICAS demands \(replicasWanted), or lower that."
                ))
        }
        return flaws
    }
}

/// The setting synchronous_standby_names.
enum SynchronousStandbys {
    /// Returns how many standbys a commit waits for.
    static func count(_ setting: String) -> Int {
        let text = setting.drop { $0 == " " }
        guard !text.isEmpty else { return 0 }
        // `ANY 2 (a, b)`, `FIRST 2 (a, b)`, `2 (a, b)`, or a list of names, of which one is awaited.
        guard let open = text.firstIndex(of: "("), let last = text[..<open].split(separator: " ").last,
            let count = Int(last), count > 0
        else { return 1 }
        return count
    }
}
