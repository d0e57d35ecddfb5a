import Accounts
@testable import App
import Foundation
import JOSE
@testable import Keys
import Platform
import Service
import Telemetry
import Testing
import Tokens

@Suite("Every configured algorithm has a key that signs it")
struct SignerTests {
    let scratch: Scratch
    let keys: KeyDirectory

    init() throws {
        scratch = try Scratch()
        keys = KeyDirectory(path: scratch["keys"])
    }

    private func graph(_ settings: [String: String] = [:]) throws -> ServiceContainer {
        let defaults = [
            "MARTLET_STATE": scratch["var"], "MARTLET_KEYS": scratch["keys"], "MARTLET_HASH_WORKERS": "1",
            "MARTLET_USERS": scratch["users.json"], "MARTLET_CLIENTS": scratch["clients.json"],
            "MARTLET_ALG": "EdDSA",
        ]
        let configuration = try Configuration(environment: defaults.merging(settings) { $1 }, cores: 1)
        return try ServiceContainer(
            configuration, log: Log(level: .error, form: .json, clock: SystemClock.wall) { _ in })
    }

    private func write(client algorithm: String) throws {
        let client = Client(
            id: "web", secretHashes: [ClientSecret.hash([1].span)], algorithm: algorithm)
        _ = try ClientDirectory.edit(scratch["clients.json"]) { (directory) throws(AccountsError) in
            try (directory.client(id: "web") == nil ? directory : directory.removing("web")).adding(client)
        }
    }

    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<3_000 {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return false
    }

    private func signs(_ graph: ServiceContainer, _ algorithm: Algorithm) -> Bool {
        graph.shared.authState.keyring.current.signingKey(for: algorithm, at: SystemClock.wall.now) != nil
    }

    /// Files of the keys that sign access tokens with this algorithm.
    private func files(_ algorithm: Algorithm) throws -> [String] {
        try keys.files().filter { $0.key.purpose == .access && $0.key.algorithm == algorithm }
            .map { scratch["keys/" + $0.name] }
    }

    @Test(arguments: [
        ["MARTLET_ALG": "ES256"], ["MARTLET_ALG": "EdDSA", "MARTLET_HS256_AUDIENCES": "api"],
    ])
    func `a start without one is refused with the command that makes it`(_ settings: [String: String]) throws {
        _ = try keys.fill([.edDSA], now: SystemClock.wall.now)
        for file in try files(.hs256) { try FileManager.default.removeItem(atPath: file) }
        let missing = settings["MARTLET_ALG"] == "ES256" ? "ES256" : "HS256"
        let fault = #expect(throws: StartError.self) { try graph(settings) }
        #expect(
            fault?.description == "\(scratch["keys"]): no key signs \(missing) now. "
                + "Run: martlet keys rotate --alg \(missing) --lead 0s")
        #expect(!FileManager.default.fileExists(atPath: scratch["var"]))
    }

    @Test func `a client's algorithm is one of them, and a first start makes its key`() throws {
        try write(client: "ES384")
        let graph = try graph()
        graph.close()
        #expect(try files(.es384).count == 1)
        try write(client: "PS256")
        let fault = #expect(throws: StartError.self) { try self.graph() }
        #expect(fault?.description.contains("no key signs PS256 now") == true)
    }

    @Test func `keys without one are not taken up, and the old ones go on`() throws {
        let graph = try graph()
        defer { graph.close() }
        let file = try #require(files(.edDSA).first)
        try FileManager.default.moveItem(atPath: file, toPath: scratch["away"])
        #expect(eventually { graph.shared.reloads.failures.contains { $0.source == .keys } })
        #expect(signs(graph, .edDSA) && graph.shared.authState.missingSigners(at: SystemClock.wall.now).isEmpty)
        try FileManager.default.moveItem(atPath: scratch["away"], toPath: file)
        #expect(eventually { graph.shared.reloads.failures.isEmpty })
    }

    @Test func `clients that ask for one that is missing are not taken up, until its key comes`() throws {
        let graph = try graph()
        defer { graph.close() }
        try write(client: "ES256")
        #expect(eventually { graph.shared.reloads.failures.contains { $0.source == .clients } })
        #expect(graph.shared.authState.clients.current.client(id: "web") == nil)
        let made = try Key.generate(.es256, purpose: .access, createdAt: SystemClock.wall.now)
        _ = try keys.write(made, to: "new.jwk")
        #expect(eventually { graph.shared.reloads.failures.isEmpty && signs(graph, .es256) })
        #expect(graph.shared.authState.clients.current.client(id: "web")?.algorithm == "ES256")
    }

    @Test func `a client and its key may go in one step`() throws {
        try write(client: "ES256")
        let graph = try graph()
        defer { graph.close() }
        let file = try #require(files(.es256).first)
        try FileManager.default.removeItem(atPath: file)
        try write(client: "EdDSA")
        #expect(eventually { !signs(graph, .es256) && graph.shared.reloads.failures.isEmpty })
    }

    @Test func `a compromised key is given up although nothing else signs`() throws {
        let graph = try graph()
        defer { graph.close() }
        let file = try #require(keys.files().first { $0.key.algorithm == .edDSA })
        let now = SystemClock.wall.now
        _ = try keys.write(
            file.key.with(file.key.lifecycle.compromised(at: now.seconds.milliseconds)), to: file.name, over: file.stamp
        )
        #expect(eventually { !signs(graph, .edDSA) })
        #expect(graph.shared.authState.missingSigners(at: SystemClock.wall.now) == ["EdDSA"])
    }
}
