@testable import Accounts
import Encoding
import Testing

@Suite("clients.json")
struct ClientDirectoryTests {
    private static let secrets = ["first secret", "second secret", "third secret"].map { Array($0.utf8) }
    private static let hashes = secrets.map { ClientSecret.hash($0.span) }

    private func client(_ id: String, _ count: Int = 1) -> Client {
        Client(id: id, secretHashes: Array(Self.hashes.prefix(count)))
    }

    private func authenticate(_ directory: ClientDirectory, _ id: String, _ secret: [UInt8]) -> Client? {
        directory.authenticate(id: id, secret: secret.span)
    }

    @Test func `no client takes the name that stands for no client`() throws {
        #expect(throws: AccountsError.invalid(field: "id", expected: Names.clientIDExpected)) {
            try ClientDirectory().adding(client("first-party"))
        }
    }

    private static let own = #""id":"a","secrets_sha256":["ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"]"#

    private func parse(_ members: String) throws -> ClientDirectory {
        try ClientDirectory(parsing: Array("{\"clients\":[{\(Self.own),\(members)}]}".utf8), path: "c")
    }

    @Test func `grants, lifetime and roles are read, and written as they were`() throws {
        let directory = try parse(#""grants":["client_credentials"],"access_ttl":30,"roles":["worker"],"scopes":["x"]"#)
        let client = try #require(directory.client(id: "a"))
        #expect(client.grants == ["client_credentials"] && client.accessLifetime == 30 && client.roles == ["worker"])
        let again = try ClientDirectory(parsing: directory.serialized(), path: "c")
        #expect(again.clients == directory.clients)
        let plain = try parse(#""scopes":["x"]"#)
        #expect(plain.clients[0].grants.isEmpty && plain.clients[0].accessLifetime == nil)
        #expect(!String(decoding: plain.serialized(), as: UTF8.self).contains("grants"))
    }

    @Test(arguments: [
        #""grants":["password"]"#, #""grants":["client_credentials","client_credentials"]"#, #""grants":"x""#,
        #""users":"all""#, #""users":true"#, #""access_ttl":29"#, #""access_ttl":3601"#, #""access_ttl":"10m""#,
        #""access_ttl":30.5"#, #""roles":["a,b"]"#,
        // A value that another member may have is checked by the rule of its own.
        #""scopes":["a,b"],"roles":["a,b"]"#, #""scopes":["x"],"grants":["x"]"#,
    ])
    func `other grants, lifetimes and roles are refused`(_ members: String) {
        #expect(throws: AccountsError.self) { try parse(members) }
    }

    @Test func `users any is read, and written as it was`() throws {
        let directory = try parse(#""grants":["urn:martlet:grant-type:session"],"users":"any""#)
        #expect(directory.clients[0].opensForAnyUser)
        #expect(try ClientDirectory(parsing: directory.serialized(), path: "c").clients == directory.clients)
    }

    @Test func `what a file may not have cannot be added either`() throws {
        for change: (inout Client) -> Void in [
            { $0.grants = ["password"] }, { $0.accessLifetime = 29 }, { $0.roles = ["a,b"] },
        ] {
            var wrong = client("one")
            change(&wrong)
            #expect(throws: AccountsError.self) { try ClientDirectory().adding(wrong) }
        }
    }

    @Test func `a client is known by either of its secrets and by nothing else`() throws {
        let directory = try ClientDirectory().adding(client("one")).adding(client("two", 2))
        #expect(authenticate(directory, "one", Self.secrets[0])?.id == "one")
        #expect(authenticate(directory, "one", Self.secrets[1]) == nil)
        #expect(authenticate(directory, "two", Self.secrets[0])?.id == "two")
        #expect(authenticate(directory, "two", Self.secrets[1])?.id == "two")
        #expect(authenticate(directory, "two", Self.secrets[2]) == nil)
        #expect(authenticate(directory, "none", Self.secrets[0]) == nil)
        #expect(authenticate(directory, "one", []) == nil)
        #expect(authenticate(directory, "one", Self.hashes[0]) == nil)
        #expect(authenticate(directory, "one", Self.secrets[0] + [0]) == nil)
        #expect(authenticate(directory, "One", Self.secrets[0]) == nil)
    }

    @Test func `a disabled client is nobody`() throws {
        var disabled = client("one")
        disabled.isDisabled = true
        let directory = try ClientDirectory().adding(disabled)
        #expect(authenticate(directory, "one", Self.secrets[0]) == nil)
        #expect(directory.client(id: "one") == disabled)
    }

    @Test func `a secret of zeros or of great length opens nothing`() throws {
        let directory = try ClientDirectory().adding(client("one"))
        #expect(authenticate(directory, "none", [UInt8](repeating: 0, count: 32)) == nil)
        let long = [UInt8](repeating: 0x61, count: ClientSecret.byteCountMax + 1)
        let other = try ClientDirectory().adding(Client(id: "one", secretHashes: [ClientSecret.hash(long.span)]))
        #expect(authenticate(other, "one", long) == nil)
    }

    @Test func `a secret is 256 bits in 43 letters`() throws {
        #expect(try ClientSecret.text([UInt8](repeating: 0xFF, count: 32)) == String(repeating: "_", count: 42) + "8")
        #expect(throws: AccountsError.invalid(field: "secret", expected: "32 random bytes")) {
            try ClientSecret.text([1])
        }
        let abc = Array("abc".utf8)
        #expect(Base64URL.encode(ClientSecret.hash(abc.span)) == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0")
    }

    @Test func `writes what it reads, always in the same octets`() throws {
        var full = client("gateway", 2)
        full.name = "The \"gateway\""
        full.audiences = ["api", "https://example.org/"]
        full.scopes = ["introspect"]
        full.algorithm = "HS256"
        full.isDisabled = true
        full.createdAt = 1_795_231_970_390
        let directory = try ClientDirectory().adding(full).adding(client("plain"))
        let written = directory.serialized()
        let read = try ClientDirectory(parsing: written, path: "")
        #expect(read.clients == [full, client("plain")])
        #expect(read.serialized() == written)
    }

    @Test(arguments: [
        (#""id": "a:b""#, "\"id\""), (#""id": """#, "\"id\""), (#""name": """#, "\"name\""),
        (#""alg": "none""#, "\"alg\""),
        (#""alg": "hs256""#, "\"alg\""), (#""secrets_sha256": []"#, "one or two"),
        (#""secrets_sha256": ["AAAA"]"#, "SHA-256"),
        (#""secrets_sha256": "x""#, "a list"), (#""audiences": ["a b"]"#, "\"audiences\""),
        (#""scopes": [" "]"#, "\"scopes\""),
        (#""disabled": 0"#, "\"disabled\""), (#""created_at": -1"#, "\"created_at\""), (#""secret": "x""#, "one of"),
    ])
    func `refuses a value that is not what it should be, on its line`(_ member: String, _ expected: String) throws {
        var members = [#""id": "one""#, #""secrets_sha256": ["\#(Base64URL.encode(Self.hashes[0]))"]"#]
        let name = member.prefix { $0 != ":" }
        members.removeAll { $0.hasPrefix(name + ":") }
        let text = "{\"clients\": [{\n" + members.joined(separator: ",\n") + ",\n" + member + "\n}]}"
        let fault = #expect(throws: AccountsError.self) {
            try ClientDirectory(parsing: Array(text.utf8), path: "clients.json")
        }
        guard case .malformed("clients.json", let line, let said) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(line == members.count + 2)
        #expect(said.contains(expected), "\(said)")
    }

    @Test func `an edit writes nothing that could not be read again`() throws {
        let one = try ClientDirectory().adding(client("one"))
        #expect(throws: AccountsError.exists(kind: "client", name: "one")) { try one.adding(client("one")) }
        #expect(throws: AccountsError.missing(kind: "client", name: "two")) { try one.removing("two") }
        #expect(try one.removing("one").clients.isEmpty)
        for (field, change) in [
            ("secrets", { $0.secretHashes = [] }), ("secrets", { $0.secretHashes = [[1]] }),
            ("secrets", { $0.secretHashes = Self.hashes }), ("name", { $0.name = "" }),
            ("audience", { $0.audiences = [""] }),
            ("scope", { $0.scopes = ["a", "a"] }), ("alg", { $0.algorithm = "none" }),
            ("created_at", { $0.createdAt = -1 }),
        ] as [(String, (inout Client) -> Void)] {
            var bad = client("two")
            change(&bad)
            let fault = #expect(throws: AccountsError.self) { try one.adding(bad) }
            guard case .invalid(field, _) = fault else {
                Issue.record("\(field): \(String(describing: fault))")
                continue
            }
        }
    }
}
