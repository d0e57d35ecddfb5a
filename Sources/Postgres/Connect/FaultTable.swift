internal import Store

/// What errors of PostgreSQL mean, by SQLSTATE; docs/postgresql.md has the same table.
enum FaultTable {
    /// When the error came.
    enum Moment {
        /// Nothing was asked for yet.
        case connecting
        /// A statement that changes nothing.
        case reading
        /// A statement that may have been done.
        case writing
    }

    enum Meaning: Equatable {
        /// Not done; it can work later.
        case busy
        case notPrimary
        /// An operator must change something.
        case rejected(remedy: String)
        /// It may have been done.
        case unknown
    }

    /// SQLSTATEs and classes of them with their meaning; the longer one counts.
    static let rows: [(state: String, meaning: Meaning)] = [
        ("08", .unknown),
        ("0A000", .rejected(remedy: "Upgrade PostgreSQL to version 13 or later.")),
        ("25006", .notPrimary),
        ("28", .rejected(remedy: "Check the role in MARTLET_STORE, the password file and pg_hba.conf.")),
        ("3D000", .rejected(remedy: "Create the database, or name another one in MARTLET_STORE.")),
        ("3F000", .rejected(remedy: schemaRemedy)),
        ("40001", .busy),
        ("40003", .unknown),
        ("40P01", .busy),
        ("42501", .rejected(remedy: "Give the role the rights that `martlet store schema` ends with.")),
        ("42704", .rejected(remedy: schemaRemedy)),
        ("42883", .rejected(remedy: schemaRemedy)),
        ("42P01", .rejected(remedy: schemaRemedy)),
        ("53", .busy),
        ("55P03", .busy),
        ("57014", .busy),
        ("57P", .unknown),
        ("58", .unknown),
        (newerSchema, .rejected(remedy: "Upgrade this node: a newer one has changed the schema.")),
        ("XX", .unknown),
    ]

    /// Our own, for a schema of a version that this node does not know.
    static let newerSchema = "MT001"

    /// A server that is starting or stopping says so.
    private static let starting = "57P03"

    static let schemaRemedy =
        "Run `martlet store init`, or `martlet store schema` and psql as the owner of the database."

    static func meaning(of state: String) -> Meaning {
        rows.filter { state.hasPrefix($0.state) }.max { $0.state.utf8.count < $1.state.utf8.count }?.meaning
            ?? .rejected(remedy: "This is unexpected: look into the log of PostgreSQL.")
    }

    static func fault(_ error: PostgresError, _ moment: Moment) -> StoreFault {
        switch (error.cause, moment) {
        case (.malformed, _): return .malformed(reason: error.reason)
        case (.broken, .writing), (.late, .writing): return .lost(reason: error.reason)
        case (.broken, .connecting), (.late, .connecting):
            if isOfStandby(error.reason) { return .notPrimary(reason: error.reason) }
            return error.reason.contains(starting)
                ? .busy(reason: error.reason) : .unreachable(reason: error.reason)
        case (.broken, .reading), (.late, .reading): return .unreachable(reason: error.reason)
        case (.answered(let state), _):
            let reason = error.reason.contains(state) ? error.reason : "\(state): \(error.reason)"
            switch meaning(of: state) {
            case .busy: return moment == .connecting ? .unreachable(reason: reason) : .busy(reason: reason)
            case .notPrimary: return .notPrimary(reason: reason)
            case .rejected(let remedy): return .rejected(reason: reason, remedy: remedy)
            case .unknown: return moment == .writing ? .lost(reason: reason) : .unreachable(reason: reason)
            }
        }
    }

    /// Whether the connection can be used after the error.
    static func keepsConnection(_ error: PostgresError) -> Bool {
        guard case .answered(let state) = error.cause else { return false }
        switch meaning(of: state) {
        case .busy, .rejected: return true
        case .notPrimary, .unknown: return false
        }
    }

    /// libpq has no code for a server that is not the primary.
    private static func isOfStandby(_ reason: String) -> Bool {
        reason.contains("session is read-only") || reason.contains("hot standby mode")
    }
}
