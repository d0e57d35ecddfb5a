import Encoding
import Foundation
import Journal
import Platform
import Revocation
import Store
import Testing

@testable import Postgres

@Suite("PostgreSQL: schema, roles and settings", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct RightsTests {
    private func rejection(_ body: () throws -> Void) -> (reason: String, remedy: String)? {
        do {
            try body()
        } catch StoreFault.rejected(let reason, let remedy) {
            return (reason, remedy)
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    private func connect(_ server: PostgresServer, _ connection: StoreConnection? = nil) throws -> EngineReport {
        try PostgresEngineSource(connection ?? server.connection()).engine().connect(by: Sample.deadline)
    }

    @Test func `the printed rights suffice, and without each of them a node does not start`() throws {
        let server = try PostgresServer()
        let node = try Node(server)
        #expect(try node.commit(Sample.revokeToken(1))[0].seq == 1)
        while try node.engine.maintain(by: Sample.deadline) {}
        for table in PostgresSchema.readTables {
            try server.execute("REVOKE SELECT ON martlet.\(table) FROM service")
            let found = try #require(rejection { _ = try connect(server) }, "without SELECT on \(table)")
            #expect(found.remedy.contains("martlet store schema"))
            try server.execute("GRANT SELECT ON martlet.\(table) TO service")
        }
        for name in ["commit", "data", "tell", "begin_epoch", "exchange", "maintain"] {
            try server.execute("REVOKE EXECUTE ON FUNCTION martlet.\(name) FROM service")
            let found = try #require(rejection { _ = try connect(server) }, "without EXECUTE on \(name)")
            #expect(found.reason.contains(name))
            try server.execute("GRANT EXECUTE ON FUNCTION martlet.\(name) TO service")
        }
        try server.execute("REVOKE USAGE ON SCHEMA martlet FROM service")
        #expect(rejection { _ = try connect(server) } != nil)
        try server.execute("GRANT USAGE ON SCHEMA martlet TO service")
        #expect(try connect(server).head != nil)
    }

    @Test(arguments: [
        "INSERT INTO martlet.denied SELECT * FROM martlet.denied", "DELETE FROM martlet.log",
        "UPDATE martlet.head SET seq = 1",
        "TRUNCATE martlet.cut", "SELECT * FROM martlet.data", "CREATE TABLE martlet.mine ()", "DROP TABLE martlet.log",
    ])
    func `the role of the service can do nothing else`(_ statement: String) throws {
        let server = try Self.shared.get()
        var first = 0
        let link = try PostgresPlaces(server.connection()).connect(from: &first, by: Sample.deadline)
        let fault = #expect(throws: PostgresError.self) { try link.runScript(statement, by: Sample.deadline) }
        #expect(fault?.cause == .answered("42501"))
    }

    private static let shared = Result { try PostgresServer() }

    @Test func `a missing schema, an older server's and a newer schema are rejected with what to do`() throws {
        let server = try PostgresServer(hasSchema: false)
        let missing = try #require(rejection { _ = try connect(server) })
        #expect(missing.remedy.contains("martlet store init"))
        let owner = try PostgresEngineSource(server.connection(user: PostgresServer.owner))
        try owner.applySchema(role: "service", by: Sample.deadline)
        try owner.applySchema(role: "service", by: Sample.deadline)
        #expect(try connect(server).head == nil)
        try server.execute("UPDATE martlet.head SET format = 2")
        let newer = try #require(rejection { _ = try connect(server) })
        #expect(newer.remedy.contains("Upgrade this node"))
        let applied = try #require(rejection { try owner.applySchema(by: Sample.deadline) })
        #expect(applied.remedy.contains("Upgrade this node"))
        #expect(try server.number("SELECT format FROM martlet.head") == 2)
    }

    @Test func `a wrong password is rejected, and no message has it`() throws {
        let server = try PostgresServer(["password_encryption": "scram-sha-256"])
        try server.execute("ALTER ROLE service PASSWORD 'correct-horse'")
        try server.requirePassword()
        let wrong = try #require(
            rejection { _ = try connect(server, try server.connection(password: "battery-staple")) })
        #expect(wrong.reason.contains("28P01"))
        #expect(!"\(wrong)".contains("battery-staple"))
        #expect(try connect(server, try server.connection(password: "correct-horse")).version.hasPrefix("PostgreSQL "))
    }

    @Test(arguments: [
        "postgres://u:secret@h/d", "postgres://u@h/d?password=secret", "postgres://u@h/d?sslpassword=secret",
        "postgres://u@h/d?passfile=/secret",
    ])
    func `an address with a password is rejected without repeating it`(_ text: String) throws {
        do {
            let address = try StoreAddress(text)
            _ = try PostgresEngineSource(
                StoreConnection(
                    address: address, password: nil, caPath: nil, prefix: "martlet", timeout: 1_000, replicas: 0,
                    durability: .strict))
            Issue.record("accepted")
        } catch {
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test(arguments: ["", "Martlet", "a-b", "pg_x", "public", "1a", "a\"b", String(repeating: "a", count: 49)])
    func `a prefix that is no plain name is rejected`(_ prefix: String) {
        #expect(rejection { _ = try PostgresSchema(prefix: prefix) } != nil)
    }

    @Test(arguments: [
        (["fsync": "off"], 0, "fsync"), (["full_page_writes": "off"], 0, "full_page_writes"),
        (["synchronous_commit": "local"], 0, "synchronous_commit"),
        (["synchronous_commit": "off"], 0, "synchronous_commit"),
        (["synchronous_commit": "remote_write"], 0, "synchronous_commit"),
        (["default_transaction_isolation": "serializable"], 0, "transaction_isolation"),
        (["synchronous_standby_names": ""], 1, "synchronous_standby_names"),
    ])
    func `each setting that loses acknowledged records is found`(
        _ settings: [String: String], _ replicas: Int, _ name: String
    ) throws {
        let server = try PostgresServer(settings, hasSchema: false)
        try PostgresEngineSource(server.connection(user: PostgresServer.owner)).applySchema(
            role: "service", by: Sample.deadline)
        let report = try server.source(replicas: replicas).engine().connect(by: Sample.deadline)
        #expect(report.flaws.map(\.setting) == [name])
        #expect(report.areSettingsKnown)
    }

    @Test func `good settings have no flaw, and a table that a crash would empty is one`() throws {
        let server = try PostgresServer(["synchronous_commit": "remote_apply"])
        #expect(try connect(server).flaws.isEmpty)
        try server.execute("ALTER TABLE martlet.denied SET UNLOGGED")
        #expect(try connect(server).flaws.map(\.value) == ["denied"])
    }

    @Test(arguments: [
        ("", 0), ("a", 1), ("a, b", 1), ("ANY 2 (a,b,c)", 2), ("FIRST 3 (a,b,c)", 3), ("2 (a, b)", 2), ("*", 1),
    ])
    func `how many standbys a commit waits for is read from the setting`(_ text: String, _ count: Int) {
        #expect(SynchronousStandbys.count(text) == count)
    }

    @Test func `the documented table of errors is that of the code`() throws {
        let page = try String(contentsOfFile: "\(Self.checkout)/docs/postgresql.md", encoding: .utf8)
        for row in FaultTable.rows { #expect(page.contains("`\(row.state)`"), "\(row.state) is not documented") }
        for line in try PostgresSchema(prefix: "martlet").grants(role: nil).split(separator: "\n").dropFirst() {
            #expect(page.contains(line.dropFirst(3)), "\(line)")
        }
    }

    private static let checkout = #filePath.components(separatedBy: "/Tests/")[0]
}
