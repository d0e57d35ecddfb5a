import Store
import Testing

@testable import Postgres

@Suite("PostgreSQL: prepared statements", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct PreparedStatementTests {
    private static let text = "SELECT $1 + 1"

    private static func number(_ statements: inout PreparedStatements, _ link: PostgresLink) throws -> Int64 {
        var values = BinaryValues()
        values.add(Int64(41))
        return try statements.run(text, values, on: link, by: Sample.deadline).number(0, 0)
    }

    private static func prepared(_ link: PostgresLink) throws -> Int64 {
        try link.run("SELECT count(*) FROM pg_prepared_statements", by: Sample.deadline).number(0, 0)
    }

    @Test func `a statement is prepared once for each connection`() throws {
        var statements = PreparedStatements()
        for _ in 0..<2 {
            let link = try Node.freshLink()
            statements.reset()
            for _ in 0..<3 { #expect(try Self.number(&statements, link) == 42) }
            #expect(try Self.prepared(link) == 1)
        }
        #expect(statements.isUsed)
    }

    @Test func `a pooler that loses a prepared statement is found out, and statements are sent whole from then on`()
        throws
    {
        let link = try Node.freshLink()
        var statements = PreparedStatements()
        #expect(try Self.number(&statements, link) == 42)
        _ = try link.run("DEALLOCATE ALL", by: Sample.deadline)
        #expect(try Self.number(&statements, link) == 42)
        #expect(!statements.isUsed)
        #expect(try Self.number(&statements, link) == 42)
        #expect(try Self.prepared(link) == 0)
    }

    @Test func `a pooler whose connection has the statement of another client is found out`() throws {
        let link = try Node.freshLink()
        let name = PreparedStatements.name(Self.text)
        _ = try link.run("PREPARE \(name)(bigint) AS SELECT $1 + 2", by: Sample.deadline)
        var statements = PreparedStatements()
        #expect(try Self.number(&statements, link) == 42)
        #expect(!statements.isUsed)
    }

    @Test func `an error of the statement itself is no sign of a pooler`() throws {
        let link = try Node.freshLink()
        var statements = PreparedStatements()
        for text in ["SELECT nothing($1)", "SELECT 1 / ($1 - 41)"] {
            var values = BinaryValues()
            values.add(Int64(41))
            #expect(throws: PostgresError.self) { try statements.run(text, values, on: link, by: Sample.deadline) }
            #expect(statements.isUsed)
        }
        #expect(try Self.number(&statements, link) == 42)
    }

    @Test func `batches go on when the connection loses its prepared statements`() throws {
        let node = try Node()
        #expect(try node.commit(Sample.revokeToken(1)).seqs == [1])
        let engine = try #require(node.engine as? PostgresEngine)
        try engine.use(.writing) { link throws(PostgresError) in
            _ = try link.run("DEALLOCATE ALL", by: Sample.deadline)
        }
        #expect(try node.commit(Sample.revokeToken(2), Sample.revokeToken(3)).seqs == [2, 3])
        #expect(!engine.statements.isUsed)
        #expect(try node.load().count == 3)
    }
}
