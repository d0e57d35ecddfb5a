import Accounts
import App
import Foundation
import JOSE
import Keys
import Testing
@testable import martlet

@Suite("Commands that would leave an algorithm without a key")
struct SignerCommandTests {
    let scratch: Scratch
    let keys: KeyDirectory

    init() throws {
        scratch = try Scratch()
        keys = KeyDirectory(path: scratch["keys"])
        _ = try keys.fill([.es256], now: SystemClock.wall.now)
    }

    private func run(_ words: String..., settings: [String: String] = [:]) throws -> Program.Outcome {
        let defaults = [
            "MARTLET_KEYS": scratch["keys"], "MARTLET_CLIENTS": scratch["clients.json"], "MARTLET_ALG": "ES256",
        ]
        return try Program.run(words, in: scratch, environment: defaults.merging(settings) { $1 })
    }

    private func signer(_ algorithm: Algorithm) throws -> String {
        try #require(try keys.read().signer(.access, algorithm, at: SystemClock.wall.now)?.kid)
    }

    @Test func `client add names the command that makes the key, and adds nothing`() throws {
        let refused = try run("client", "add", "web", "--alg", "EdDSA")
        #expect(refused.status == 1 && refused.output.isEmpty)
        #expect(refused.complaint.contains("Run first: martlet keys rotate --alg EdDSA --lead 0s"))
        #expect(!FileManager.default.fileExists(atPath: scratch["clients.json"]))
        #expect(try run("keys", "rotate", "--alg", "EdDSA", "--lead", "0s").status == 0)
        // A key begins to sign on a whole second.
        usleep(1_100_000)
        let added = try run("client", "add", "web", "--alg", "EdDSA")
        #expect(added.status == 0 && added.output.count == 44, "\(added.complaint)")
        let refusedToo = try run("keys", "retire", "--last", "--", signer(.edDSA))
        #expect(refusedToo.status == 1 && refusedToo.complaint.contains("keys rotate --alg EdDSA --lead 0s"))
    }

    @Test func `before the first start every algorithm can be asked for`() throws {
        let added = try run("client", "add", "web", "--alg", "PS256", "--keys", scratch["none"])
        #expect(added.status == 0, "\(added.complaint)")
    }

    @Test func `keys retire --last keeps what the settings ask for`() throws {
        let kid = try signer(.es256)
        let refused = try run("keys", "retire", "--last", "--", kid)
        #expect(refused.status == 1)
        #expect(refused.complaint.contains("Run first: martlet keys rotate --alg ES256 --lead 0s"))
        #expect(try keys.read().key(kid)?.lifecycle.signsUntil == nil)
        let shared = try signer(.hs256)
        let audience = ["MARTLET_HS256_AUDIENCES": "legacy", "MARTLET_AUDIENCE": "api,legacy"]
        let alsoRefused = try run("keys", "retire", "--last", "--", shared, settings: audience)
        #expect(alsoRefused.status == 1 && alsoRefused.complaint.contains("--alg HS256"))
        #expect(try run("keys", "retire", "--last", "--", shared).status == 0)
        // After a change of the algorithm the old key may go.
        let changed = try run("keys", "retire", "--last", "--", kid, settings: ["MARTLET_ALG": "RS256"])
        #expect(changed.status == 0, "\(changed.complaint)")
    }

    @Test func `without a running service there is nothing to confirm, and the command says so`() throws {
        let done = try run("keys", "rotate", settings: ["MARTLET_OPERATOR_LISTEN": "unix:\(scratch["none.sock"])"])
        #expect(done.status == 0 && done.complaint.contains("no running service on this machine uses"))
    }

    @Test func `a running service that cannot be asked makes the command fail`() throws {
        let use = KeyDirectoryUse(path: scratch["keys"])
        use.mark()
        let unnamed = try run("keys", "rotate", settings: ["MARTLET_OPERATOR_LISTEN": "127.0.0.1:1"])
        #expect(unnamed.status == 1 && unnamed.complaint.contains("MARTLET_OPERATOR_LISTEN names no Unix socket"))
        let kid = try signer(.es256)
        let silent = try run(
            "keys", "compromise", "--", kid, settings: ["MARTLET_OPERATOR_LISTEN": "unix:\(scratch["none.sock"])"])
        #expect(silent.status == 1 && silent.complaint.contains("compromise is not confirmed"))
        #expect(!silent.complaint.contains("is rejected"))
        // Written all the same: a service that reads it later applies it.
        #expect(try keys.read().key(kid)?.lifecycle.compromisedAt != nil)
        withExtendedLifetime(use) {}
    }
}
