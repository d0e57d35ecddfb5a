import App
import Foundation
import Testing

@Suite("The program")
struct ProgramTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func run(_ words: String..., environment: [String: String] = [:]) throws -> Program.Outcome {
        try Program.run(words, in: scratch, environment: environment)
    }

    /// What stands in the directory, without what this test put there.
    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: scratch.path)) ?? []).filter { !$0.hasPrefix(".") }
            .sorted()
    }

    @Test func `version, help and usage`() throws {
        #expect(try run("version").output == "martlet \(Version.text)\n")
        #expect(try run("--version").status == 0)
        for word in ["help", "--help", "-h"] {
            let help = try run(word)
            #expect(help.status == 0 && help.complaint.isEmpty)
            for name in [
                "serve", "verify", "jws", "decode", "mint", "user", "client", "journal", "healthcheck", "openapi",
                "version",
            ] {
                #expect(help.output.contains("\n  \(name) "))
            }
        }
        #expect(try run().status == 2)
        let unknown = try run("srve")
        #expect(unknown.status == 2 && unknown.complaint.contains("srve") && unknown.output.isEmpty)
    }

    @Test(arguments: [
        "serve", "verify", "jws", "decode", "mint", "user", "client", "journal", "healthcheck", "openapi",
    ])
    func `each command explains itself on its standard output`(_ command: String) throws {
        let help = try run(command, "--help")
        #expect(help.status == 0 && help.output.contains("usage: martlet \(command)") && help.complaint.isEmpty)
        let wrong = try run(command, "--frobnicate")
        #expect(wrong.status == 2 && wrong.output.isEmpty && !wrong.complaint.isEmpty)
        #expect(files.isEmpty)
    }

    @Test func `serve --help names every setting with its default`() throws {
        let rows = try run("serve", "--help").output.split(separator: "\n").map(String.init)
        for setting in Setting.allCases {
            let row = try #require(rows.first { $0.hasPrefix("  \(setting.flag) ") }, "\(setting)")
            #expect(row.contains(setting.summary))
            #expect(setting.defaultText.isEmpty || row.hasSuffix(" (\(setting.defaultText))"))
        }
    }

    @Test func `serve tells every mistake, ends with 2 and leaves no trace`() throws {
        let outcome = try run(
            "serve", "--access-ttl", "1s",
            environment: ["MARTLET_LISTEN": "x", "MARTLET_ACCESS_TTL": "10m", "MARTLET_NO": "1"])
        #expect(outcome.status == 2 && outcome.output.isEmpty)
        for name in ["MARTLET_LISTEN", "MARTLET_ACCESS_TTL: «1s»", "MARTLET_NO"] {
            #expect(outcome.complaint.contains(name))
        }
        #expect(files.isEmpty)
    }

    @Test func `commands read the settings of the service by the same rules`() throws {
        let user = try run(
            "user", "add", "a", "--users", scratch["u"], "--password-stdin",
            environment: ["MARTLET_ARGON2_MEMORY": "1"])
        #expect(user.status == 2)
        #expect(user.complaint.contains("MARTLET_ARGON2_MEMORY: «1» is not a whole number from 7168 to 262144"))
        let journal = try run(
            "journal", "stat",
            environment: ["MARTLET_LOCK_WAIT": "11m"])
        #expect(journal.status == 2 && journal.complaint.contains("MARTLET_LOCK_WAIT: «11m» is not a time"))
        let clients = try run("client", "list", environment: ["MARTLET_CLIENTS": scratch["none"]])
        #expect(clients.status != 0 && clients.complaint.contains(scratch["none"]))
    }

    @Test func `openapi prints the file at the root`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = try String(contentsOf: root.appending(path: "openapi.yaml"), encoding: .utf8)
        #expect(try run("openapi").output == file)
        #expect(try run("openapi", "x").status == 2)
    }

    @Test func `healthcheck says 1 when nobody answers, 2 when the address is none`() throws {
        let nobody = try run("healthcheck", "--listen", "unix:\(scratch["nobody"])")
        #expect(nobody.status == 1 && nobody.complaint.contains("no service listens there"))
        #expect(try run("healthcheck", environment: ["MARTLET_LISTEN": "nowhere"]).status == 2)
    }

    @Test func `serve answers a health check, ends with 0 at SIGTERM, and its journal can be looked into`() throws {
        let socket = "unix:\(scratch["socket"])"
        let settings = ["MARTLET_OPERATOR_LISTEN": "", "MARTLET_THREADS": "1", "MARTLET_HASH_WORKERS": "1"]
        let service = try Running(["serve", "--listen", socket], in: scratch, environment: settings)
        try service.wait(toSay: "\"listening\"")
        #expect(try run("healthcheck", "--listen", socket).status == 0)
        #expect(try run("journal", "verify").status == 0)
        service.terminate()
        let outcome = try service.wait()
        #expect(outcome.status == 0, "\(outcome)")
        #expect(outcome.output.isEmpty)
        for line in outcome.complaint.split(separator: "\n") {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any], "\(line)")
        }
        #expect(outcome.complaint.contains("\"stopped\""))
        #expect(files.filter { $0 != "socket" } == ["keys", "var", "var.seen"])
        try lookInto(try run("journal", "stat").output, try run("journal", "dump", "--state", "var").output)
    }

    private func lookInto(_ stat: String, _ dump: String) throws {
        #expect(stat.contains("directory  var\n") && stat.contains("last seq   "))
        let records = try dump.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        }
        #expect(records.compactMap { $0["seq"] as? Int } == Array(1...max(1, records.count)))
        let members: Set = ["seq", "time", "kind", "key", "expires", "value", "flags", "reason", "file", "offset"]
        for record in records { #expect(Set(record.keys) == members) }
        #expect(try run("journal", "verify").status == 0)
        let name = try #require(records.first?["file"] as? String)
        let offset = try #require(records.first?["offset"] as? Int)
        var octets = try Data(contentsOf: URL(fileURLWithPath: scratch["var/" + name]))
        octets[offset + 20] ^= 1
        try octets.write(to: URL(fileURLWithPath: scratch["var/" + name]))
        let damaged = try run("journal", "verify")
        #expect(damaged.status == 1 && (damaged.output + damaged.complaint).contains("\(name): offset \(offset)"))
    }

    @Test func `journal of a directory that is none is 2`() throws {
        for command in ["stat", "verify", "dump"] {
            let outcome = try run("journal", command, "--state", scratch["nowhere"])
            #expect(outcome.status == 2 && outcome.complaint.contains("nowhere"))
        }
        #expect(try run("journal", "stat", "extra").status == 2)
        #expect(try run("journal").status == 2 && files.isEmpty)
    }
}
