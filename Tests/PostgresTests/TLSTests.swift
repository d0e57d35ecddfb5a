import Foundation
import Store
import Testing

@testable import Postgres

@Suite("PostgreSQL: TLS", .enabled(if: PostgresPrograms.areInstalled, PostgresPrograms.missing))
struct TLSTests {
    /// Makes a certificate for 127.0.0.1 that is its own authority, and gives it to the user of the server.
    private func certificate(_ name: String, in directory: String) throws -> (certificate: String, key: String) {
        let (certificate, key) = ("\(directory)/\(name).crt", "\(directory)/\(name).key")
        try PostgresPrograms.run([
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days",
            "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key,
        ])
        chmod(key, 0o600)
        return (certificate, key)
    }

    @Test func `with a file of authorities the server must have a certificate of one of them`() throws {
        let directory = NSTemporaryDirectory() + "martlet-tls-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let own = try certificate("own", in: directory)
        let other = try certificate("other", in: directory)
        chmod(directory, 0o755)
        try PostgresPrograms.give(directory)
        let server = try PostgresServer(["ssl": "on", "ssl_cert_file": own.certificate, "ssl_key_file": own.key])
        var connection = try server.connection()
        connection.caPath = own.certificate
        var first = 0
        let link = try PostgresPlaces(connection).connect(from: &first, by: Sample.deadline)
        let answer = try link.run("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", by: Sample.deadline)
        #expect(try answer.isTrue(0, 0))
        #expect(try PostgresEngineSource(connection).engine().connect(by: Sample.deadline).head == nil)
        connection.caPath = other.certificate
        let stranger = refusal(connection)
        #expect(stranger.contains("certificate verify failed"), "\(stranger)")
        let withoutTLS = try PostgresServer()
        var plain = try withoutTLS.connection()
        plain.caPath = own.certificate
        #expect(refusal(plain).contains("does not support SSL"))
    }

    /// Why there is no connection; empty if there is one.
    private func refusal(_ connection: StoreConnection) -> String {
        let result = Result { try PostgresEngineSource(connection).engine().connect(by: Sample.deadline) }
        guard case .failure(let fault) = result else { return "" }
        return "\(fault)"
    }
}
