import Foundation
import Testing

@testable import Accounts
@testable import martlet

@Suite("martlet user import")
struct UserImportTests {
    let scratch: Scratch
    static let bcrypt = "$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"
    static let argon2 = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0$qqqqqqqqqqqqqqqqqqqqqqqqqqo"

    init() throws { scratch = try Scratch() }

    private func load(_ text: String, _ options: String..., environment: [String: String] = [:]) throws
        -> Program.Outcome
    {
        try Data(text.utf8).write(to: URL(fileURLWithPath: scratch["new"]))
        return try Program.run(
            ["user", "import", "new", "--users", scratch["users.json"]] + options, in: scratch, environment: environment
        )
    }

    private func users() throws -> UserDirectory { try UserDirectory.load(scratch["users.json"]) }

    @Test func `JSON Lines with hashes, passwords and all members`() throws {
        let done = try load(
            """
            \u{FEFF}{"username": "ada", "password_hash": "\(Self.argon2)", "roles": ["staff"], "scopes": ["read", "write"]}

            {"username": "bob", "password": "a phrase of words", "claims": {"team": "blue"}, "disabled": true}\r
            {"username": "c\\u00e9", "password_hash": "!", "id": "01a1fc45-f1d2-7784-ae8c-19461615dff4", "roles": null}
            """)
        #expect(done.status == 0 && done.output.isEmpty && done.complaint.hasPrefix("added 3 users to "))
        let ada = try #require(try users().user(named: "ada"))
        #expect(ada.passwordHash == Self.argon2 && ada.roles == ["staff"] && ada.scopes == ["read", "write"])
        let bob = try #require(try users().user(named: "bob"))
        #expect(
            bob.isDisabled && bob.claims == Array(#"{"team": "blue"}"#.utf8) && bob.passwordHash.hasPrefix("$argon2id$")
        )
        let verdict = try PasswordHasher().verify(Array("a phrase of words".utf8), against: bob.passwordHash)
        #expect(verdict == .match(isWeaker: false))
        let last = try #require(try users().user(named: "cé"))
        #expect(last.id.description == "01a1fc45-f1d2-7784-ae8c-19461615dff4" && last.passwordHash == "!")
        #expect(Set(try users().users.map(\.id)).count == 3)
    }

    @Test func `CSV with quotes, line ends within fields, and empty fields`() throws {
        let done = try load(
            "username,password_hash,scopes,claims,disabled\r\n"
                + "ada,\"\(Self.argon2)\",read write,\"{\"\"team\"\":\n\"\"blue\"\"}\",false\r\n\r\n"
                + "\"a \"\"b\"\" c\",\(Self.bcrypt),,,true")
        #expect(done.status == 0 && done.complaint.hasPrefix("added 2 users to "), "\(done.complaint)")
        let ada = try #require(try users().user(named: "ada"))
        #expect(ada.passwordHash == Self.argon2 && ada.scopes == ["read", "write"] && !ada.isDisabled)
        #expect(ada.claims == Array("{\"team\":\n\"blue\"}".utf8))
        let other = try #require(try users().user(named: "a \"b\" c"))
        #expect(other.isDisabled && other.scopes.isEmpty && other.claims == Array("{}".utf8))
    }

    @Test func `each refused user is reported with its line, and none is added`() throws {
        let good = #"{"username": "ada", "password_hash": "\#(Self.bcrypt)"}"#
        let text = [
            good, "{", "[]", #"{"username": "b", "username": "b"}"#, #"{"username": "c"}"#,
            #"{"username": "d", "password": "a", "password_hash": "!"}"#, #"{"username": "e", "password": "short"}"#,
            #"{"username": "f", "password": "\#(Self.bcrypt)"}"#, #"{"username": "g", "password_hash": "$2b$05$cut"}"#,
            #"{"username": " h", "password_hash": "!"}"#, #"{"username": "i", "password_hash": "!", "role": "x"}"#,
            #"{"username": "j", "password_hash": "!", "roles": "x"}"#,
            #"{"username": "k", "password_hash": "!", "claims": {"iss": 1}}"#,
            #"{"username": "l", "password_hash": "!", "id": "1"}"#, #"{"username": 1, "password_hash": "!"}"#,
            #"{"username": "ada", "password_hash": "!"}"#, #"{"password_hash": "!"}"#,
            #"{"username": "m", "password_hash": "!", "disabled": 1}"#,
            #"{"username": "\#(String(repeating: "n", count: 70_000))"}"#,
        ]
        let reasons = [
            2: "not JSON", 3: "expected a JSON object", 4: "not JSON: a member is repeated",
            5: "either password or password_hash", 6: "either password or password_hash", 7: "fewer than 6 characters",
            8: "this is a hash", 9: "password_hash: expected a bcrypt hash of 60 characters", 10: "username: expected",
            11: "unknown member role", 12: "roles: expected a list", 13: "claims: expected", 14: "id: expected a UUID",
            15: "username: expected a string", 16: "used in line 1", 17: "username is missing", 18: "true or false",
            19: "not JSON: the text is too long",
        ]
        let refused = try load(text.joined(separator: "\n"))
        #expect(refused.status == 1 && refused.complaint.contains("18 of 19 users were refused, so none is added"))
        let lines = refused.output.split(separator: "\n")
        #expect(lines.count == reasons.count)
        for (line, (number, reason)) in zip(lines, reasons.sorted { $0.key < $1.key }) {
            #expect(line.hasPrefix("line \(number): ") && line.contains(reason), "\(line)")
        }
        #expect(!refused.output.contains("short") && !refused.output.contains(Self.bcrypt))
        #expect(!FileManager.default.fileExists(atPath: scratch["users.json"]))
        // The others are added if the operator asks for it.
        let skipped = try load(text.joined(separator: "\n"), "--skip-refused")
        #expect(
            skipped.status == 0 && skipped.complaint.contains("added 1 users") && skipped.complaint.contains("18 were"))
        #expect(try users().users.map(\.name) == ["ada"])
        // Now the first one exists, too.
        let again = try load(good)
        #expect(again.status == 1 && again.output == "line 1: the username exists already\n")
    }

    @Test(arguments: [
        ("username,password_hash\nada,!,x\n", "line 2: expected 2 fields, as in the first line, not 3"),
        ("username,password_hash\nada,\(argon2)\n", "line 2: expected 2 fields"),
        ("username,password_hash\n\"ada\"x,!\nbob,!", "line 2: text after the closing double quote"),
        ("username,password_hash\na\"da,!\nbob,!", "line 2: a double quote within a field"),
        ("username,password_hash\nbob,!\n\"ada,!\n\n\n", "line 3: a double quote is not closed"),
        ("username,password_hash,disabled\nada,!,yes", "line 2: disabled: expected true or false"),
        ("username,password_hash,claims\nada,!,x", "line 2: claims: expected"),
        ("username,password_hash\n\n\nada,!\n\"b\n\",!", "line 5: username: expected"),
    ])
    func `a refused row of CSV is reported with its first line`(_ text: String, _ report: String) throws {
        let refused = try load(text)
        #expect(refused.status == 1 && refused.output.hasPrefix(report), "\(refused.output)\(refused.complaint)")
        #expect(refused.output.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: scratch["users.json"]))
    }

    @Test(arguments: [
        "name,password\n", "password,password_hash\nx,y", "username,username\n", "\"username", "[1]", "", " \n",
    ])
    func `a file that is not an import is a mistake`(_ text: String) throws {
        let refused = try load(text)
        #expect(
            refused.status != 0 && refused.output.isEmpty && refused.complaint.contains("new:1: "),
            "\(refused.complaint)")
        #expect(!FileManager.default.fileExists(atPath: scratch["users.json"]))
    }

    @Test func `a dry run checks the same and writes nothing`() throws {
        let text = "username,password\nada,a phrase of words\nbob,short\n"
        let refused = try load(text, "--dry-run")
        #expect(refused.status == 1 && refused.output.hasPrefix("line 3: password: it has fewer than 6"))
        let dry = try load(text, "--dry-run", "--skip-refused")
        #expect(dry.status == 0 && dry.complaint.hasPrefix("would add 1 users to ") && dry.complaint.contains("1 were"))
        #expect(!FileManager.default.fileExists(atPath: scratch["users.json"]))
    }

    @Test func `standard input is read, and the rules for passwords apply`() throws {
        let words = ["user", "import", "-", "--users", scratch["users.json"]]
        let text = "username,password\nada,a phrase of words\n"
        let long = try Program.run(words, in: scratch, environment: ["MARTLET_PASSWORD_MIN": "20"], input: text)
        #expect(long.status == 1 && long.output.contains("MARTLET_PASSWORD_MIN"))
        #expect(try Program.run(words, in: scratch, input: text).status == 0)
        #expect(try users().users.count == 1)
    }

    @Test func `10,000 users with hashes are imported in one go`() throws {
        let rows = (0..<10_000).map {
            #"{"username":"user\#($0)","password_hash":"\#(Self.argon2)","scopes":["read"]}"#
        }
        let done = try load(rows.joined(separator: "\n"))
        #expect(done.status == 0 && done.complaint.hasPrefix("added 10000 users to "), "\(done.complaint)")
        let table = try users()
        #expect(table.users.count == 10_000 && table.users[9_999].name == "user9999")
        // The order of the ids is that of the file.
        #expect(table.users[0].id.description < table.users[9_999].id.description)
    }
}
