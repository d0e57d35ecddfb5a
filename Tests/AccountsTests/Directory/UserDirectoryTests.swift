@testable import Accounts
import Encoding
import Platform
import Testing

@Suite("users.json")
struct UserDirectoryTests {
    static let alice = "01a1fc29-f34e-79c6-9e6c-8ae8aae3a231"
    static let bob = "01a1fc29-f388-7c18-830f-4132daac9e1b"

    private func parse(_ text: String) throws -> UserDirectory {
        try UserDirectory(parsing: Array(text.utf8), path: "users.json")
    }

    private func user(_ name: String, low: UInt64) -> User {
        User(id: UUID(high: 0x01a1_fc29_f34e_79c6, low: low), name: name, passwordHash: "!")
    }

    @Test func `reads all there is to a user, and finds it by name and id`() throws {
        let directory = try parse(
            """
            {"users": [
              {"id": "\(Self.alice)", "username": "alice", "password": "$argon2id$x", "roles": ["admin", "dev"], "scopes": ["read"],
               "disabled": true, "sessions_from": 1795231970272, "claims": {"team": "blue", "level": [3]}},
              {"username": "Bob O'Neill", "id": "\(Self.bob)", "password": "!"}
            ]}
            """)
        let alice = try #require(directory.user(named: "alice"))
        #expect(alice.id == UUID(Self.alice) && directory.user(id: alice.id) == alice)
        #expect(alice.roles == ["admin", "dev"] && alice.scopes == ["read"] && alice.passwordHash == "$argon2id$x")
        #expect(alice.claims == Array(#"{"team": "blue", "level": [3]}"#.utf8))
        #expect(directory.standing(of: alice.id) == .init(isDisabled: true, sessionsFrom: 1_795_231_970_272))
        let bob = try #require(directory.user(named: "Bob O'Neill"))
        #expect(bob == User(id: bob.id, name: "Bob O'Neill", passwordHash: "!"))
        #expect(directory.standing(of: bob.id) == .init(isDisabled: false, sessionsFrom: 0))
        #expect(directory.user(named: "Alice") == nil)
        #expect(directory.standing(of: UUID(high: 1, low: 2)) == nil)
        #expect(directory.users.map(\.name) == ["alice", "Bob O'Neill"])
    }

    @Test func `writes what it reads, always in the same octets`() throws {
        var alice = user("alice", low: 1)
        alice.roles = ["admin"]
        alice.scopes = ["a:b", "c"]
        alice.claims = try Claims.object([("team", #""blue""#), ("level", "3")])
        let directory = try UserDirectory().adding(alice).adding(user("björn \"the\" bear 🐻", low: 2))
        let written = directory.serialized()
        let read = try UserDirectory(parsing: written, path: "")
        #expect(read.users == directory.users)
        #expect(read.serialized() == written)
        #expect(written.last == UInt8(ascii: "\n"))
        #expect(try parse(String(decoding: UserDirectory().serialized(), as: UTF8.self)).users.isEmpty)
    }

    /// The text, the line that is wrong, and a part of what is said about it.
    static let faults: [(String, Int, String)] = [
        ("", 1, "JSON"),
        ("[]", 1, "\"users\""),
        (#"{"users": {}}"#, 1, "\"users\""),
        (#"{"users": [], "more": 1}"#, 1, "\"users\""),
        ("{\"users\": [\n1]}", 2, "an object"),
        ("{\"users\": [\n{},\n]}", 3, "JSON"),
        ("{\"users\": [\n{}\n]}", 2, "\"id\": a UUID"),
        ("{\"users\": [\n{\n\"id\": 7}]}", 3, "\"id\": a UUID"),
        ("{\"users\": [\n{\n\"id\": \"01A1FC29-F34E-79C6-9E6C-8AE8AAE3A231\"}]}", 3, "\"id\": a UUID"),
        ("{\"users\": [{\"id\": \"\(alice)\"}]}", 1, "\"username\""),
        ("{\"users\": [{\"id\": \"\(alice)\",\n\"username\": \"a\"}]}", 1, "\"password\""),
        (
            "{\"users\": [{\"id\": \"\(alice)\",\n\"username\": \"a\",\n\n\"pasword\": \"!\"}]}", 4,
            "one of id, username, password"
        ),
        ("{\"users\": [{\"id\": \"\(alice)\",\n\"username\": \"a\",\n\"username\": \"b\"}]}", 3, "JSON"),
    ]

    @Test(arguments: faults)
    func `a fault names the file, the line and what is expected`(_ text: String, _ line: Int, _ expected: String) throws
    {
        let fault = #expect(throws: AccountsError.self) { try parse(text) }
        guard case .malformed("users.json", line, let said) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(said.contains(expected), "\(said)")
        #expect(
            "\(AccountsError.malformed(path: "users.json", line: line, expected: said))".hasPrefix(
                "users.json:\(line): expected"))
    }

    @Test(arguments: [
        (#""username": """#, "\"username\""), (#""username": " a""#, "\"username\""),
        (#""username": "a ""#, "\"username\""),
        (#""username": "a\u0000b""#, "\"username\""),
        (#""username": "a\nb""#, "\"username\""),
        (#""username": "a\u202eb""#, "\"username\""),
        (#""username": "\#(String(repeating: "a", count: 129))""#, "\"username\""), (#""username": 7"#, "\"username\""),
        (#""username": null"#, "\"username\""),
        (#""password": """#, "\"password\""), (#""password": "a b""#, "\"password\""),
        (#""password": "é""#, "\"password\""),
        (#""roles": "admin""#, "\"roles\""), (#""roles": [""]"#, "\"roles\""), (#""roles": ["a b"]"#, "\"roles\""),
        (#""roles": ["a\"b"]"#, "\"roles\""), (#""roles": ["a", "a"]"#, "\"roles\""), (#""roles": [1]"#, "\"roles\""),
        (#""scopes": ["ä"]"#, "\"scopes\""), (#""scopes": ["a\\b"]"#, "\"scopes\""),
        (#""disabled": "yes""#, "\"disabled\""), (#""disabled": 1"#, "\"disabled\""),
        (#""sessions_from": -1"#, "\"sessions_from\""), (#""sessions_from": 1.5"#, "\"sessions_from\""),
        (#""sessions_from": 99999999999999999999"#, "\"sessions_from\""),
        (#""sessions_from": "1""#, "\"sessions_from\""),
        (#""claims": []"#, "\"claims\""), (#""claims": {"iss": "x"}"#, "\"claims\""),
        (#""claims": {"roles": []}"#, "\"claims\""),
        (#""claims": {"\u0069ss": "x"}"#, "\"claims\""),
        (#""claims": {"x": "\#(String(repeating: "a", count: 2_048))"}"#, "\"claims\""),
        (#""admin": true"#, "one of"), (#""Disabled": true"#, "one of"),
    ])
    func `refuses a value that is not what it should be, on its line`(_ member: String, _ expected: String) throws {
        var members = [#""id": "\#(Self.alice)""#, #""username": "alice""#, #""password": "!""#]
        let name = member.prefix { $0 != ":" }
        members.removeAll { $0.hasPrefix(name + ":") }
        let text = "{\"users\": [{\n" + members.joined(separator: ",\n") + ",\n" + member + "\n}]}"
        let fault = #expect(throws: AccountsError.self) { try parse(text) }
        guard case .malformed(_, let line, let said) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(line == members.count + 2)
        #expect(said.contains(expected), "\(said)")
    }

    @Test func `refuses two of one name, however it is composed, and two of one id`() throws {
        func pair(_ first: (String, String), _ second: (String, String)) -> String {
            let rows = [first, second].map { #"{"id": "\#($0.0)", "username": "\#($0.1)", "password": "!"}"# }
            return "{\"users\": [\n" + rows.joined(separator: ",\n") + "]}"
        }
        #expect(throws: Never.self) { try parse(pair((Self.alice, "a"), (Self.bob, "A"))) }
        let username = "\"username\": a username that no other user has, not"
        for (text, expected) in [
            (pair((Self.alice, "a"), (Self.bob, "a")), "\(username) \"a\" again"),
            (pair((Self.alice, "caf\u{E9}"), (Self.bob, "cafe\u{301}")), "\(username) \"cafe\u{301}\" again"),
            (pair((Self.alice, "a"), (Self.alice, "b")), "\"id\": an id that no other user has"),
        ] {
            #expect(throws: AccountsError.malformed(path: "users.json", line: 3, expected: expected)) {
                try parse(text)
            }
        }
    }

    @Test(arguments: ["client:shop", "external:x", "Client:x", "EXTERNAL:", "client:"])
    func `no user has a name that begins like the subject of a client or of another system's user`(_ name: String) {
        #expect(throws: AccountsError.invalid(field: "username", expected: Names.userNameExpected)) {
            try UserDirectory().adding(user(name, low: 9))
        }
        let row = #"{"users":[{"id":"019a0000-0000-7000-8000-000000000009","username":"\#(name)","password":"!"}]}"#
        #expect(throws: AccountsError.self) { try parse(row) }
    }

    @Test func `a name that only contains these words is a name`() throws {
        for name in ["client", "clients:a", "a client:b", "externally"] {
            #expect(try UserDirectory().adding(user(name, low: 9)).user(named: name) != nil)
        }
    }

    @Test func `an edit gives a new directory and leaves the old one`() throws {
        let empty = UserDirectory()
        let one = try empty.adding(user("alice", low: 1))
        let changed = try one.changing("alice") { user in
            user.isDisabled = true
            user.sessionsFrom = 9
            user.name = "mallory"
        }
        #expect(empty.users.isEmpty)
        #expect(one.user(named: "alice")?.isDisabled == false)
        #expect(changed.user(named: "alice")?.standing == .init(isDisabled: true, sessionsFrom: 9))
        #expect(changed.user(named: "mallory") == nil)
        #expect(try changed.removing("alice").users.isEmpty)
        let rehashed = try changed.settingPasswordHash("$new", of: "alice").user(named: "alice")
        #expect(rehashed?.passwordHash == "$new" && rehashed?.sessionsFrom == 9 && rehashed?.isDisabled == true)
    }

    @Test func `a file is edited in place, and not touched for nothing`() throws {
        let scratch = try Scratch()
        let path = scratch["users.json"]
        #expect(try UserDirectory.load(path).users.isEmpty)
        #expect(throws: AccountsError.file(.system(call: "open", path: path, code: 2))) {
            try UserDirectory.load(path, mustExist: true)
        }
        try UserDirectory.edit(path) { users throws(AccountsError) in users }
        #expect(scratch.names == ["users.json.lock"])
        let alice = user("alice", low: 1)
        try UserDirectory.edit(path) { users throws(AccountsError) in try users.adding(alice) }
        #expect(try UserDirectory.load(path).users == [alice])
        let old = try AtomicFile.read(path, byteCountMax: 1_000)
        #expect(throws: AccountsError.exists(kind: "user", name: "alice")) {
            try UserDirectory.edit(path) { users throws(AccountsError) in try users.adding(alice) }
        }
        #expect(try AtomicFile.read(path, byteCountMax: 1_000) == old)
    }

    @Test func `an edit writes nothing that could not be read again`() throws {
        let one = try UserDirectory().adding(user("alice", low: 1))
        #expect(throws: AccountsError.exists(kind: "user", name: "alice")) { try one.adding(user("alice", low: 2)) }
        #expect(throws: AccountsError.exists(kind: "user", name: "bob")) { try one.adding(user("bob", low: 1)) }
        #expect(throws: AccountsError.missing(kind: "user", name: "bob")) { try one.removing("bob") }
        #expect(throws: AccountsError.missing(kind: "user", name: "bob")) { try one.changing("bob") { _ in } }
        #expect(throws: AccountsError.invalid(field: "username", expected: Names.userNameExpected)) {
            try one.adding(user(" ", low: 3))
        }
        for (field, change) in [
            ("password", { $0.passwordHash = "" }), ("role", { $0.roles = ["a b"] }),
            ("role", { $0.roles = ["a", "a"] }), ("role", { $0.roles = ["a,b"] }),
            ("scope", { $0.scopes = [""] }), ("sessions_from", { $0.sessionsFrom = -1 }),
            ("claims", { $0.claims = [] }),
            ("claims", { $0.claims = Array("[]".utf8) }),
        ] as [(String, (inout User) -> Void)] {
            let fault = #expect(throws: AccountsError.self) { try one.changing("alice", change) }
            guard case .invalid(field, _) = fault else {
                Issue.record("\(field): \(String(describing: fault))")
                continue
            }
        }
    }

    @Test func `claims are JSON, once each, and none of a token's own`() throws {
        #expect(try Claims.object([]) == Array("{}".utf8))
        #expect(try Claims.object([("a", "[1, 2]"), ("b", "null")]) == Array(#"{"a":[1, 2],"b":null}"#.utf8))
        for (members, field) in [
            ([("a", "x")], "claim a"), ([("a", "1,\"iss\":2")], "claim a"), ([("a", "")], "claim a"),
            ([("a", "1"), ("a", "2")], "claims"), ([("sub", "1")], "claims"),
        ] {
            let fault = #expect(throws: AccountsError.self) {
                try Claims.object(members.map { (name: $0.0, value: $0.1) })
            }
            guard case .invalid(field, _) = fault else {
                Issue.record("\(members): \(String(describing: fault))")
                continue
            }
        }
    }
}
