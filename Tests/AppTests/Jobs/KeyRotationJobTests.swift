@testable import App
import Foundation
import JOSE
@testable import Keys
import Platform
import Service
import Telemetry
import Testing

@Suite("Keys of a running service")
struct KeyRotationJobTests {
    let scratch: Scratch
    let keys: KeyDirectory

    init() throws {
        scratch = try Scratch()
        keys = KeyDirectory(path: scratch["keys"])
        _ = try keys.fill(now: SystemClock.wall.now)
    }

    private func graph(_ settings: [String: String] = [:]) throws -> ServiceContainer {
        let defaults = [
            "MARTLET_STATE": scratch["var"], "MARTLET_KEYS": scratch["keys"], "MARTLET_HASH_WORKERS": "1",
            "MARTLET_USERS": scratch["users.json"], "MARTLET_CLIENTS": scratch["clients.json"],
        ]
        let configuration = try Configuration(environment: defaults.merging(settings) { $1 }, cores: 1)
        return try ServiceContainer(
            configuration, log: Log(level: .error, form: .json, clock: SystemClock.wall) { _ in })
    }

    private func signer(_ graph: ServiceContainer, _ algorithm: Algorithm = .rs256) -> String? {
        KeySet(graph.shared.authState.keyring.current.keys).signer(.access, algorithm, at: SystemClock.wall.now)?.kid
    }

    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<3_000 {
            if condition() { return true }
            Thread.sleep(forTimeInterval: 0.02)
        }
        return false
    }

    @Test func `a compromised key leaves the ring, and its cut outlives the file (M6)`() throws {
        let graph = try graph()
        let kid = try #require(signer(graph))
        let now = SystemClock.wall.now
        _ = try keys.edit(now: now) { (set) throws(KeyStepError) in
            try set.compromise(of: kid, at: now) { (purpose, algorithm) throws(KeyError) in
                try Key.generate(algorithm, purpose: purpose, createdAt: now)
            }
        }
        let revocations = graph.shared.authState.revocations
        #expect(eventually { signer(graph) != kid && revocations.isCut(key: Array(kid.utf8)) })
        #expect(signer(graph) != nil && !graph.shared.authState.keyring.current.keys.contains { $0.kid == kid })
        #expect(!revocations.isCut(key: Array("other".utf8)))
        graph.close()
        try FileManager.default.removeItem(atPath: scratch["keys/access-rs256-\(kid).jwk"])
        let again = try self.graph()
        defer { again.close() }
        #expect(again.shared.authState.revocations.isCut(key: Array(kid.utf8)))
    }

    @Test func `a key declared compromised while the service was down is cut when it starts`() throws {
        let set = try keys.read()
        let now = SystemClock.wall.now
        let kid = try #require(set.signer(.access, .rs256, at: now)?.kid)
        _ = try keys.edit(now: now) { (set) throws(KeyStepError) in
            try set.compromise(of: kid, at: now) { (purpose, algorithm) throws(KeyError) in
                try Key.generate(algorithm, purpose: purpose, createdAt: now)
            }
        }
        let graph = try graph()
        defer { graph.close() }
        #expect(graph.shared.authState.revocations.isCut(key: Array(kid.utf8)) && signer(graph) != kid)
    }

    @Test func `a schedule publishes one successor for each kind of key, whoever shares the directory`() throws {
        try age(days: 40)
        let settings = ["MARTLET_KEY_ROTATION": "30d", "MARTLET_KEY_LEAD": "15m"]
        let first = try graph(settings)
        let second = try graph(settings.merging(["MARTLET_STATE": scratch["other"]]) { $1 })
        defer {
            first.close()
            second.close()
        }
        #expect(eventually { first.shared.authState.keyring.current.keys.count == 5 })
        #expect(eventually { second.shared.authState.keyring.current.keys.count == 5 })
        Thread.sleep(forTimeInterval: 1.5)
        let set = try keys.read()
        let now = SystemClock.wall.now
        #expect(set.keys.count == 5)
        #expect(set.pending(.access, .rs256, at: now) != nil && set.pending(.refresh, .hs256, at: now) != nil)
        // Whoever verifies with a shared secret has it from an operator.
        #expect(set.pending(.access, .hs256, at: now) == nil)
    }

    @Test func `files of keys that are over go after a day`() throws {
        let now = SystemClock.wall.now
        let set = try keys.read()
        let old = try #require(set.signer(.access, .hs256, at: now))
        let made = try Key.generate(.hs256, purpose: .access, createdAt: now)
        _ = try keys.edit(now: now) { (set) throws(KeyStepError) in
            try set.rotation(to: made, at: now, lead: 0, keep: { _ in 1_000 })
        }
        #expect(try keys.read().keys.count == 4)
        for (days, count) in [(0.9, 4), (1.1, 3)] {
            _ = try keys.edit(now: now.adding(milliseconds: Int64(days * 86_400_000))) { _ in [] }
            #expect(try keys.read().keys.count == count)
        }
        #expect(try keys.read().key(old.kid) == nil)
    }

    @Test func `an edit that would leave the service without keys writes nothing`() throws {
        let before = scratch.names(in: "keys")
        let now = SystemClock.wall.now
        let refresh = try #require(try keys.read().signer(.refresh, .hs256, at: now))
        let sentence =
            "no secret with \"purpose\" refresh. Restore the files, or run: martlet keys rotate --refresh --lead 0s --keys "
        #expect(throws: KeyDirectoryError(description: "\(keys.path): \(sentence)\(keys.path)")) {
            try keys.edit(now: now) { _ in [refresh.with(refresh.lifecycle.compromised(at: now))] }
        }
        #expect(try keys.read().compromised.isEmpty && scratch.names(in: "keys").count == before.count + 1)
    }

    /// Makes the keys as old as that.
    private func age(days: Int64) throws {
        let now = SystemClock.wall.now
        _ = try keys.edit(now: now) { set in
            set.keys.map {
                $0.with($0.lifecycle.signing(from: now.seconds.adding(seconds: -days * 86_400).milliseconds))
            }
        }
    }
}
