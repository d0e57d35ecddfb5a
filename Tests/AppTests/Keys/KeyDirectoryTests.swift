import Accounts
@testable import App
@testable import Keys
import Foundation
import JOSE
import Telemetry
import Testing
import Tokens

/// A directory of its own for one test, gone with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/martlet-assembly-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    subscript(name: String) -> String { path + "/" + name }

    func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: self[folder])) ?? []).sorted()
    }

    func mode(_ name: String) throws -> Int {
        let mode = try FileManager.default.attributesOfItem(atPath: self[name])[.posixPermissions] as? NSNumber
        return try #require(mode?.intValue)
    }

    func write(_ text: String, to name: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self[name]))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: self[name])
    }
}

@Suite("The directory of keys")
struct KeyDirectoryTests {
    let scratch: Scratch
    let keys: KeyDirectory

    init() throws {
        scratch = try Scratch()
        keys = KeyDirectory(path: scratch["keys"])
    }

    private func fault() -> String {
        do {
            _ = try keys.load(now: 1_800_000_000_000)
            return ""
        } catch {
            return error.description
        }
    }

    @Test(arguments: [Algorithm.es256, .edDSA, .hs512, .hs256])
    func `is filled with a key of the algorithm that is configured`(_ algorithm: Algorithm) throws {
        _ = try keys.fill([algorithm], now: 1_800_000_000_000)
        let ring = try keys.load(now: 1_800_000_000_000)
        #expect(Set(ring.keys.filter { $0.purpose == .access }.map(\.algorithm)) == [algorithm, .hs256])
        #expect(ring.signingKey(for: algorithm, at: 1_800_000_000_000) != nil)
    }

    @Test func `is filled with an RS256 pair, an HS256 secret and a refresh secret, for its owner only (B22)`() throws {
        #expect(try keys.isEmpty())
        let names = try keys.fill(now: 1_800_000_000_000)
        #expect(scratch.names(in: "keys") == names.sorted() && names.count == 3)
        #expect(try !keys.isEmpty())
        #expect(try scratch.mode("keys") == 0o700)
        for name in names { #expect(try scratch.mode("keys/\(name)") == 0o600) }
        let ring = try keys.load(now: 1_800_000_000_000)
        #expect(
            ring.signingKey(for: .rs256, at: 1_800_000_000_000) != nil && ring.refreshKey(at: 1_800_000_000_000) != nil)
        #expect(ring.signingKey(for: .hs256, at: 1_800_000_000_000) != nil)
        #expect(names.allSatisfy { name in ring.keys.contains { name.hasSuffix("-\($0.kid).jwk") } })
    }

    @Test func `makes other keys each time (F11)`() throws {
        let other = KeyDirectory(path: scratch["other"])
        #expect(Set(try keys.fill(now: 0)).isDisjoint(with: try other.fill(now: 0)))
    }

    @Test func `counts as empty beside other files, and leaves them alone`() throws {
        try FileManager.default.createDirectory(atPath: scratch["keys"], withIntermediateDirectories: false)
        try scratch.write("read me", to: "keys/README.md", mode: 0o644)
        try scratch.write("{", to: "keys/.hidden.jwk", mode: 0o644)
        #expect(try keys.isEmpty())
        _ = try keys.fill([.es256], now: 0)
        #expect(try keys.load(now: 1_800_000_000_000).keys.count == 3)
        #expect(scratch.names(in: "keys").count == 5)
    }

    @Test(arguments: [0o644, 0o646, 0o604, 0o444])
    func `a key that others may read is refused by name (B22)`(_ mode: Int) throws {
        let name = try keys.fill([.es256], now: 0)[1]
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: scratch["keys/\(name)"])
        #expect(
            fault().contains(name) && fault().contains("0\(String(mode, radix: 8))") && fault().contains("chmod 600"))
    }

    @Test(arguments: ["", "{", "[]", "{\"kty\":\"oct\"}", "not json", "{\"kty\":\"oct\",\"kty\":\"oct\"}"])
    func `a broken key is refused by name, and its content is not repeated`(_ text: String) throws {
        _ = try keys.fill([.es256], now: 0)
        try scratch.write(text, to: "keys/broken.jwk")
        #expect(fault().contains("keys/broken.jwk: "))
        #expect(text.count < 3 || !fault().contains(text))
    }

    @Test func `a set without a refresh secret is refused, by directory`() throws {
        let name = try #require(try keys.fill([.es256], now: 0).first { $0.hasPrefix("refresh") })
        try FileManager.default.removeItem(atPath: scratch["keys/\(name)"])
        #expect(fault().contains(scratch["keys"]) && fault().lowercased().contains("refresh"))
    }

    @Test func `a stamp changes with a file, its mode and its number`() throws {
        let names = try keys.fill([.es256], now: 0)
        let before = keys.stamp()
        #expect(keys.stamp() == before && before.count == 3)
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: scratch["keys/\(names[0])"])
        let after = keys.stamp()
        #expect(after != before)
        try FileManager.default.removeItem(atPath: scratch["keys/\(names[0])"])
        #expect(keys.stamp() != after)
    }
}

@Suite("The graph")
struct ServiceContainerTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func configuration() throws -> Configuration {
        try Configuration(
            environment: [
                "MARTLET_STATE": scratch["var"], "MARTLET_KEYS": scratch["keys"],
                "MARTLET_USERS": scratch["users.json"],
                "MARTLET_CLIENTS": scratch["clients.json"], "MARTLET_HASH_WORKERS": "1",
            ], cores: 1)
    }

    private func start() throws -> ServiceContainer {
        try ServiceContainer(
            try configuration(), log: Log(level: .error, form: .json, clock: SystemClock.wall) { _ in })
    }

    @Test func `starts from nothing, and again from what it made`() throws {
        for _ in 0..<2 {
            let graph = try start()
            #expect(graph.shared.reloads.failures.isEmpty && graph.shared.authState.users.current.users.isEmpty)
            graph.close()
        }
        #expect(scratch.names(in: "keys").count == 3 && !scratch.names(in: "var").isEmpty)
    }

    @Test(arguments: ["users.json", "clients.json"])
    func `a broken file stops the start, is named, and nothing is written`(_ name: String) throws {
        try scratch.write("{\"users\": 1}", to: name)
        let before = scratch.names(in: "")
        #expect { try start() } throws: { error in "\(error)".contains(name) }
        #expect(scratch.names(in: "") == before)
    }

    @Test func `a bad key stops the start before the journal is touched`() throws {
        try FileManager.default.createDirectory(atPath: scratch["keys"], withIntermediateDirectories: false)
        try scratch.write("{", to: "keys/a.jwk")
        #expect { try start() } throws: { error in "\(error)".contains("a.jwk") }
        #expect(scratch.names(in: "") == ["keys"] && scratch.names(in: "keys") == ["a.jwk"])
    }

    @Test func `a state directory that cannot be one stops the start, and makes no keys`() throws {
        try scratch.write("", to: "var")
        #expect { try start() } throws: { error in "\(error)".contains("var") }
        #expect(scratch.names(in: "") == ["var"])
    }

    @Test func `a bad reload keeps what was, and says so until it is mended`() throws {
        try scratch.write("{\"users\":[]}", to: "users.json")
        let graph = try start()
        defer { graph.close() }
        try scratch.write("{", to: "users.json")
        graph.reload()
        #expect(graph.shared.reloads.failures.map(\.source) == [.users])
        try scratch.write("{\"users\":[]}", to: "users.json")
        graph.reload()
        #expect(graph.shared.reloads.failures.isEmpty)
    }
}
