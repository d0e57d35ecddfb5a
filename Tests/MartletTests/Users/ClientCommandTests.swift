import Accounts
import App
import Foundation
import Platform
import Testing
@testable import martlet

@Suite("martlet client")
struct ClientCommandTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private var file: String { scratch["clients.json"] }

    private func run(_ words: String...) -> Int32 { ClientCommand.run(words + ["--clients", file]) }

    private func clients() throws -> ClientDirectory {
        try ClientDirectory(parsing: AtomicFile.read(file, byteCountMax: 1 << 20), path: file)
    }

    @Test func `add, list and remove`() throws {
        let before = SystemClock.wall.now
        #expect(
            run("add", "gateway", "--audience", "api", "--scope=introspect", "--alg", "HS256", "--name", "Gate Way")
                == 0)
        #expect(run("add", "other") == 0)
        let gateway = try #require(try clients().client(id: "gateway"))
        #expect(gateway.audiences == ["api"] && gateway.scopes == ["introspect"] && gateway.algorithm == "HS256")
        #expect(gateway.name == "Gate Way" && gateway.createdAt >= before && gateway.secretHashes.count == 1)
        #expect(try clients().client(id: "other")?.secretHashes != gateway.secretHashes)
        #expect(run("list") == 0 && run("list", "--json") == 0)
        #expect(run("add", "gateway") == 1)
        #expect(run("remove", "gateway") == 0)
        #expect(run("remove", "gateway") == 1)
        #expect(try clients().clients.map(\.id) == ["other"])
    }

    @Test func `add takes grants, a lifetime and roles for tokens of its own`() throws {
        #expect(
            run("add", "robot", "--grant", "client_credentials", "--ttl", "5m", "--role", "worker", "--role=night") == 0
        )
        let robot = try #require(try clients().client(id: "robot"))
        #expect(robot.grants == ["client_credentials"] && robot.accessLifetime == 300)
        #expect(robot.roles == ["worker", "night"] && !robot.opensForAnyUser)
        #expect(run("add", "portal", "--grant", Client.session, "--users", "any") == 0)
        #expect(try clients().client(id: "portal")?.opensForAnyUser == true)
    }

    @Test(arguments: [
        ["add", "a", "--grant", "password"], ["add", "a", "--ttl", "29s"], ["add", "a", "--ttl", "61m"],
        ["add", "a", "--ttl", "60"], ["add", "a", "--role", "a,b"],
        ["add", "a", "--users", "any"], ["add", "a", "--grant", Client.session, "--users", "all"],
        ["add"], ["add", "a:b"], ["add", "a", "--alg", "none"], ["add", "a", "--audience", ""], ["frob"], [],
    ])
    func `2 says that the command line is wrong, and nothing is written`(_ words: [String]) {
        #expect(ClientCommand.run(words.isEmpty ? [] : words + ["--clients", file]) == 2)
        #expect(!FileManager.default.fileExists(atPath: file))
    }
}
