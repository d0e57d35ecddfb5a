import Accounts
@testable import App
import Foundation
@testable import Keys
import OpenSSL
import Platform
import Telemetry
import Testing
import Tokens

@Suite("Account files of a running service")
struct ReloadTests {
    let scratch: Scratch
    let lines = LogLines()

    init() throws { scratch = try Scratch() }

    private func start(
        _ settings: [String: String] = [:], now: UnixMilliseconds = SystemClock.wall.now, said: LogLines? = nil,
        _ meanwhile: () throws -> Void = {}
    ) throws -> ServiceContainer {
        let defaults = [
            "MARTLET_STATE": scratch["var"], "MARTLET_KEYS": scratch["keys"], "MARTLET_ALG": "ES256",
            "MARTLET_USERS": scratch["users.json"], "MARTLET_CLIENTS": scratch["clients.json"],
            "MARTLET_HASH_WORKERS": "1",
        ]
        let configuration = try Configuration(environment: defaults.merging(settings) { $1 }, cores: 1)
        return try ServiceContainer(configuration, log: (said ?? lines).log, now: now) { () throws(StartError) in
            do { try meanwhile() } catch { throw StartError(description: "\(error)") }
            return false
        }
    }

    private func users(_ text: String, mode: Int = 0o600) throws {
        try scratch.write("{\"users\": [\(text)]}", to: "users.json", mode: mode)
    }

    private func clients(_ text: String) throws { try scratch.write("{\"clients\": [\(text)]}", to: "clients.json") }

    private let ana = #"{"id": "01a1fc29-f34e-79c6-9e6c-8ae8aae3a231", "username": "ana", "password": "!"}"#
    private let web = #"{"id": "web", "secrets_sha256": ["47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"]}"#

    @Test func `what changes while a process starts is served from the first request on`() throws {
        try users(ana)
        try clients(web)
        try write(pair: "one")
        let tls = [
            "MARTLET_LISTEN": "https://127.0.0.1:0", "MARTLET_TLS_CERT": scratch["tls.crt"],
            "MARTLET_TLS_KEY": scratch["tls.key"],
        ]
        let first = try start(tls, said: LogLines())
        first.close()
        let kids = Set(first.shared.authState.keyring.current.keys.map(\.kid))
        let graph = try start(tls) {
            // The files have been read, and what follows may take as long as a predecessor's end.
            try users(ana.replacingOccurrences(of: "\"!\"", with: "\"!\", \"disabled\": true"))
            try clients(web.replacingOccurrences(of: "\"web\"", with: "\"app\""))
            try write(pair: "two")
            let now = SystemClock.wall.now
            let made = try Key.generate(.es256, purpose: .access, createdAt: now)
            _ = try KeyDirectory(path: scratch["keys"]).edit(now: now) { (set) throws(KeyStepError) in
                try set.rotation(to: made, at: now, lead: 60_000, keep: { _ in 1_000 })
            }
        }
        defer { graph.close() }
        let authState = graph.shared.authState
        #expect(authState.users.current.user(named: "ana")?.isDisabled == true)
        #expect(authState.clients.current.clients.map(\.id) == ["app"])
        #expect(Set(authState.keyring.current.keys.map(\.kid)).isStrictSuperset(of: kids))
        #expect(lines.events("reloaded").count { $0.contains("\"tls\"") } == 1)
    }

    @Test func `no round of maintenance runs after the end`() throws {
        try users(ana)
        let graph = try start()
        graph.close()
        // The thread sleeps for 250 ms between two rounds, so without the end it would see this change.
        try users("")
        usleep(600_000)
        #expect(graph.shared.authState.users.current.user(named: "ana") != nil)
    }

    @Test(arguments: ["users.json", "clients.json"])
    func `a file that is missing for a moment is a failed reload, and what was stays`(_ name: String) throws {
        try users(ana)
        try clients(web)
        let graph = try start()
        defer { graph.close() }
        let authState = graph.shared.authState
        let path = scratch[name]
        try #require(rename(path, path + ".away") == 0)
        graph.reload()
        #expect(authState.users.current.users.count == 1 && authState.clients.current.clients.count == 1)
        #expect(graph.shared.reloads.failures.map { "\($0.source.rawValue).json" } == [name])
        #expect(lines.events("reload_failed").contains { $0.contains("\(name): the file is missing") })
        try #require(rename(path + ".away", path) == 0)
        graph.reload()
        #expect(graph.shared.reloads.failures.isEmpty && authState.users.current.users.count == 1)
    }

    @Test func `files that were never there stay no fault`() throws {
        let graph = try start()
        defer { graph.close() }
        graph.reload()
        #expect(graph.shared.reloads.failures.isEmpty && lines.events("reload_failed").isEmpty)
        try users(ana)
        graph.reload()
        #expect(graph.shared.authState.users.current.users.count == 1)
    }

    @Test func `a file that loses everyone at once is taken, with a warning that counts`() throws {
        try users(ana)
        try clients(web)
        let graph = try start()
        defer { graph.close() }
        try users("")
        try clients("")
        graph.reload()
        #expect(
            graph.shared.authState.users.current.users.isEmpty && graph.shared.authState.clients.current.clients.isEmpty
        )
        let said = lines.events("accounts_emptied")
        #expect(said.count == 2 && said.allSatisfy { $0.contains("\"before\":1") && $0.contains("\"after\":0") })
    }

    @Test func `a file that every user may read is warned of once, at the start or when it comes to be`() throws {
        try users(ana, mode: 0o644)
        let graph = try start()
        defer { graph.close() }
        let said = lines.events("accounts_readable_by_others")
        #expect(said.count == 1 && said[0].contains("users.json") && said[0].contains("0644"))
        graph.reload()
        #expect(lines.events("accounts_readable_by_others").count == 1)
        try clients(web)
        try #require(chmod(scratch["clients.json"], 0o604) == 0)
        graph.reload()
        #expect(lines.events("accounts_readable_by_others").count == 2)
        try #require(chmod(scratch["users.json"], 0o600) == 0)
        graph.reload()
        try #require(chmod(scratch["users.json"], 0o644) == 0)
        graph.reload()
        #expect(lines.events("accounts_readable_by_others").count == 3)
    }

    @Test func `a start before 1970 writes nothing`() throws {
        #expect { try start(now: -1) } throws: { "\($0)".contains("the clock is before 1970; nothing was written") }
        #expect(scratch.names(in: "").isEmpty)
        try start(now: 0).close()
    }

    private func write(pair name: String) throws {
        let pair = try SelfSignedPair(now: SystemClock.wall.now.seconds, days: 9)
        try AtomicFile.replace(scratch["tls.key"], with: pair.privateKey)
        try AtomicFile.replace(scratch["tls.crt"], with: pair.certificate)
    }
}
