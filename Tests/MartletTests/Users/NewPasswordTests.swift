import Foundation
import Testing

@Suite("A new password on the command line")
struct NewPasswordTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func set(_ words: [String], _ password: String, _ environment: [String: String] = [:]) throws
        -> Program.Outcome
    {
        try Program.run(
            ["user"] + words + ["--password-stdin"], in: scratch, environment: environment, input: password + "\n")
    }

    @Test func `add and passwd reject what breaks a rule, name all rules, and write nothing`() throws {
        let short = try set(["add", "alice"], "Alice")
        #expect(short.status == 1 && short.output.isEmpty)
        #expect(short.complaint.contains("it has fewer than 6 characters (MARTLET_PASSWORD_MIN); it is the user name"))
        #expect(!FileManager.default.fileExists(atPath: scratch["users.json"]))
        #expect(try set(["add", "alice"], "8 letters").status == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: scratch["users.json"]))
        #expect(try set(["passwd", "alice"], "a").status == 1)
        #expect(try set(["passwd", "alice"], "14 characters.", ["MARTLET_PASSWORD_MIN": "15"]).status == 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch["users.json"])) == before)
        #expect(try set(["passwd", "alice"], "15 characters..", ["MARTLET_PASSWORD_MIN": "15"]).status == 0)
        #expect(try set(["passwd", "alice"], "15 characters..", ["MARTLET_PASSWORD_MIN": "5"]).status == 2)
    }

    @Test func `a breached password is rejected, and so is every password while the list is wrong`() throws {
        let list = scratch["breached.txt"]
        let environment = ["MARTLET_BREACHED_PASSWORDS": list]
        try Data("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8:9\n".utf8).write(to: URL(fileURLWithPath: list))
        let breached = try set(["add", "alice"], "password", environment)
        #expect(breached.status == 1 && breached.complaint.contains("breached passwords (MARTLET_BREACHED_PASSWORDS)"))
        #expect(try set(["add", "alice"], "Password", environment).status == 0)
        try Data("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8:9\r\n".utf8).write(to: URL(fileURLWithPath: list))
        let wrong = try set(["passwd", "alice"], "pass word", environment)
        #expect(wrong.status == 2 && wrong.complaint.contains("breached.txt:1: expected"))
        for words in [["serve"], ["serve", "--check"]] {
            let serve = try Program.run(words, in: scratch, environment: environment)
            #expect(serve.status != 0 && serve.complaint.contains("breached.txt:1: expected"), "\(serve.complaint)")
        }
    }
}
