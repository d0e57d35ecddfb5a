package import Store

/// The SQL of the schema, and what the role of the service may do in it.
package struct PostgresSchema: Equatable, Sendable {
    /// The version of the tables and functions. An older node does not start with a newer one.
    static let format: Int64 = 1

    /// The name of the schema: a plain identifier, so that it means the same quoted or not.
    package let name: String

    /// - Parameter prefix: `MARTLET_STORE_PREFIX`.
    package init(prefix: String) throws(StoreFault) {
        let bytes = Array(prefix.utf8)
        let isWord = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isWord, (1...48).contains(bytes.count), let first = bytes.first, first > UInt8(ascii: "9"),
            !prefix.hasPrefix("pg_"), prefix != "information_schema", prefix != "public"
        else {
            throw .rejected(
                reason: "the prefix is not usable as the name of a schema of PostgreSQL",
                remedy:
                    "Use at most 48 lower-case letters, digits and underscores, beginning with a letter, and not pg_ or public."
            )
        }
        name = prefix
    }

    /// The name in statements.
    var quoted: String { "\"\(name)\"" }

    /// The SQL that makes the schema, or brings an older one up to date, in one transaction.
    ///
    /// - Parameter role: gets the rights that the service needs; if nil, the statements are comments.
    package func text(role: String? = nil) -> String {
        """
        -- The schema of Martlet in PostgreSQL 13 or later. Run it as the role that owns the schema, not as that of the
        -- service; running it again changes nothing.
        BEGIN;
        \(tables)

        \(functions)

        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA \(quoted) FROM PUBLIC;
        UPDATE \(quoted).head SET format = \(Self.format);
        COMMIT;

        \(grants(role: role))

        """
    }

    /// The tables that the service reads itself.
    static let readTables = ["head", "epoch", "log", "session", "denied", "cut", "exemption", "entry", "node"]

    /// The statements that give the role of the service what it needs, and no more.
    func grants(role: String?) -> String {
        let target = role.map(Self.quote) ?? "martlet_service"
        let tables = Self.readTables.map { "\(quoted).\($0)" }.joined(separator: ", ")
        let lines = [
            "GRANT USAGE ON SCHEMA \(quoted) TO \(target);",
            "GRANT SELECT ON \(tables) TO \(target);",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA \(quoted) TO \(target);",
        ]
        guard role == nil else { return lines.joined(separator: "\n") }
        return (["The rights of the role of the service, here named martlet_service:"] + lines)
            .map { "-- \($0)" }.joined(separator: "\n")
    }

    private var tables: String { filled(SchemaTables.text) }

    private var functions: String {
        filled(
            [
                SchemaCommit.text, SchemaData.text, SchemaTell.begin, SchemaTell.tell, SchemaUpkeep.exchange,
                SchemaUpkeep.maintain,
            ].joined(separator: "\n\n"))
    }

    private func filled(_ text: String) -> String {
        var text = text
        let values: [(String, String)] = [
            ("planning", SchemaFragments.planning), ("ended", SchemaFragments.ended),
            ("cutMerge", SchemaFragments.cutMerge), ("exemptionMerge", SchemaFragments.exemptionMerge),
            ("schema", quoted), ("channel", "'\(name)'"), ("format", "\(Self.format)"),
            ("forkReason", "\(CommitRecords.forkReason)"),
        ]
        for (key, value) in values { text = Self.replaced(text, "{\(key)}", by: value) }
        return text
    }

    private static func replaced(_ text: String, _ mark: String, by value: String) -> String {
        var result = ""
        var rest = text[...]
        while let range = rest.firstRange(of: mark) {
            result += rest[..<range.lowerBound]
            result += value
            rest = rest[range.upperBound...]
        }
        return result + rest
    }

    /// An identifier of any characters but zero.
    static func quote(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
