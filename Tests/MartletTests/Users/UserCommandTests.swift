import Accounts
import App
import Foundation
import Platform
import Testing
@testable import martlet

@Suite("martlet user")
struct UserCommandTests: Sendable {
    let scratch: Scratch
    let hash = "$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"

    init() throws { scratch = try Scratch() }

    private var file: String { scratch["users.json"] }

    private func run(_ words: String...) -> Int32 { UserCommand.run(words + ["--users", file]) }

    private func users() throws -> UserDirectory {
        try UserDirectory(parsing: AtomicFile.read(file, byteCountMax: 1 << 20), path: file)
    }

    @Test func `add makes the file and the user`() throws {
        #expect(
            run(
                "add", "alice", "--hash", hash, "--role=admin", "--role=dev", "--scope", "read", "--claim",
                #"team="blue""#) == 0)
        let alice = try #require(try users().user(named: "alice"))
        #expect(alice.passwordHash == hash && alice.roles == ["admin", "dev"] && alice.scopes == ["read"])
        #expect(alice.claims == Array(#"{"team":"blue"}"#.utf8) && !alice.isDisabled && alice.sessionsFrom == 0)
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
    }

    @Test func `disable ends the sessions until now, enable does not bring them back, remove removes`() throws {
        #expect(run("add", "alice", "--hash", hash) == 0)
        let before = SystemClock.wall.now
        #expect(run("disable", "alice") == 0)
        let disabled = try #require(try users().user(named: "alice"))
        #expect(disabled.isDisabled && disabled.sessionsFrom >= before && disabled.sessionsFrom <= SystemClock.wall.now)
        #expect(run("enable", "alice") == 0)
        let enabled = try #require(try users().user(named: "alice"))
        #expect(!enabled.isDisabled && enabled.sessionsFrom == disabled.sessionsFrom && enabled.id == disabled.id)
        #expect(run("list") == 0 && run("list", "--json") == 0)
        #expect(run("remove", "alice") == 0)
        #expect(try users().users.isEmpty)
    }

    @Test func `passwd changes the hash and ends the sessions until now`() throws {
        #expect(run("add", "alice", "--hash", hash) == 0)
        let before = SystemClock.wall.now
        let other = "$y$j75$saltsaltsalt$EJVmvLaWqQibNwAKXpgavjVqkjgw4EyKMKuwMa4X504"
        #expect(run("passwd", "alice", "--hash", other) == 0)
        let alice = try #require(try users().user(named: "alice"))
        #expect(alice.passwordHash == other && alice.sessionsFrom >= before)
    }

    @Test func `1 says that it could not be done`() throws {
        #expect(run("list") == 1)
        #expect(run("remove", "alice") == 1)
        #expect(run("add", "alice", "--hash", hash) == 0)
        #expect(run("add", "alice", "--hash", hash) == 1)
        #expect(run("passwd", "bob", "--hash", hash) == 1)
        #expect(run("disable", "bob") == 1)
        #expect(try users().users.count == 1)
    }

    @Test(arguments: [
        ["add"], ["add", "a", "b"], ["add", "a", "--rol", "x"], ["add", "a", "--hash", "password"],
        ["add", "a", "--hash", "$2b$31$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"],
        ["add", " a"], ["add", "a\nb"], ["add", "a", "--role", "x y"], ["add", "a", "--claim", "x"],
        ["add", "a", "--claim", "=1"],
        ["add", "a", "--claim", "iss=1"], ["add", "a", "--claim", "x=blue"], ["frobnicate"], ["list", "alice"],
    ])
    func `2 says that the command line is wrong, and nothing is written`(_ words: [String]) {
        #expect(UserCommand.run(words + ["--users", file]) == 2)
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test func `2 says that the file is wrong, and it stays as it is`() throws {
        let bad = Data("{\"users\": [\n{}]}".utf8)
        try bad.write(to: URL(fileURLWithPath: file))
        #expect(run("list") == 2)
        #expect(run("add", "alice", "--hash", hash) == 2)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bad)
    }

    @Test func `two edits at once lose nothing`() throws {
        DispatchQueue.concurrentPerform(iterations: 12) { number in
            #expect(run("add", "user \(number)", "--hash", hash) == 0)
        }
        #expect(try users().users.count == 12)
    }

    @Test func `help is no mistake, nothing at all is one`() {
        #expect(UserCommand.run(["--help"]) == 0)
        #expect(run("add", "--help") == 0)
        #expect(UserCommand.run([]) == 2)
    }
}
