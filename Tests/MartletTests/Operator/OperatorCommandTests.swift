import Accounts
import App
import Platform
import Testing
@testable import martlet

@Suite("martlet revoke, status and healthcheck")
struct OperatorCommandTests {
    private func order(_ words: String...) throws(CommandError) -> String {
        let options = ["--user", "--sub", "--sid", "--jti", "--client", "--key"].map { Arguments.Option.value($0) }
        let arguments = try Arguments.parse(words, options: options + [.flag("--all"), .flag("--ahead")])
        return String(decoding: try RevokeCommand.order(arguments).json, as: UTF8.self)
    }

    @Test func `each option becomes its member`() throws {
        let id = "019a0000-0000-7000-8000-000000000001"
        #expect(try order("--user", "a\"b") == #"{"username":"a\"b"}"#)
        #expect(try order("--sid", id) == "{\"sid\":\"\(id)\"}")
        #expect(try order("--jti", id) == "{\"jti\":\"\(id)\"}")
        #expect(try order("--client", "shop", "--ahead") == #"{"client_id":"shop","unknown":"allow"}"#)
        #expect(try order("--key", "k") == #"{"kid":"k"}"# && order("--sub", id) == "{\"sub\":\"\(id)\"}")
        #expect(try order("--all") == #"{"all":true}"#)
    }

    @Test(arguments: [
        [], ["--user", "a", "--all"], ["--user", "a", "--key", "b"], ["--user", ""], ["--sid", "x"],
        ["--all", "--ahead"],
        ["--user", "a", "--ahead"], ["x"], ["--socket", "/nonexistent/s"],
    ])
    func `anything but one target is a mistake in the command line`(_ words: [String]) {
        #expect(RevokeCommand.run(words) == 2)
    }

    @Test func `a service that does not run may run later`() {
        #expect(RevokeCommand.run(["--all", "--socket", "/nonexistent/s"]) == 75)
        #expect(StatusCommand.run(["--socket", "/nonexistent/s"]) == 75)
        #expect(StatusCommand.run(["--socket", "/dev/null/s"]) == 1)
    }

    private func target(_ listen: String, _ others: [String: String] = [:]) throws(CommandError) -> String {
        let target = try HealthTarget.chosen(nil, others.merging(["MARTLET_LISTEN": listen]) { $1 })
        return "\(target.text) \(target.path)"
    }

    @Test func `healthcheck asks the first address that it can ask`() throws {
        let operators = ["MARTLET_OPERATOR_LISTEN": "fd:x, unix:/run/op.sock"]
        #expect(try target("127.0.0.1:80") == "127.0.0.1:80 /healthz")
        #expect(try target("fd:a, unix:/a?mode=0600") == "unix:/a?mode=0600 /healthz")
        #expect(try target("proxy+127.0.0.1:80", operators) == "unix:/run/op.sock /livez")
        #expect(try target("proxy+0.0.0.0:80, 127.0.0.1:81") == "127.0.0.1:81 /healthz")
        let trusting = ["MARTLET_TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1"].merging(operators) { $1 }
        #expect(try target("proxy+https://0.0.0.0:80", trusting) == "proxy+https://0.0.0.0:80 /healthz")
        #expect(try target("proxy+10.1.1.1:80", trusting) == "proxy+10.1.1.1:80 /healthz")
        #expect(try target("proxy+unix:/a", trusting) == "unix:/run/op.sock /livez")
        let mutual = ["MARTLET_TLS_CLIENT_CA": "/ca"].merging(operators) { $1 }
        #expect(try target("https://127.0.0.1:80", mutual) == "unix:/run/op.sock /livez")
        #expect(HealthcheckCommand.run(["--listen", "nowhere"]) == 2)
        #expect(HealthcheckCommand.run(["--listen", "unix:/nonexistent/s"]) == 1)
    }
}

@Suite("martlet client and martlet user: changes")
struct AccountChangeTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func client(_ words: String...) -> Int32 {
        ClientCommand.run(words + ["--clients", scratch["clients.json"]])
    }
    private func user(_ words: String...) -> Int32 { UserCommand.run(words + ["--users", scratch["users.json"]]) }

    private func shop() throws -> Client {
        try #require(try ClientDirectory.load(scratch["clients.json"]).client(id: "shop"))
    }

    private func amy() throws -> User {
        try #require(try UserDirectory.load(scratch["users.json"]).user(named: "amy"))
    }

    @Test func `a client is disabled and enabled`() throws {
        #expect(client("add", "shop") == 0 && client("disable", "shop") == 0)
        #expect(try shop().isDisabled)
        #expect(client("disable", "shop") == 0 && client("enable", "shop") == 0)
        #expect(try !shop().isDisabled)
        #expect(client("disable", "shopp") == 1)
    }

    @Test func `a second secret comes before the first one goes`() throws {
        #expect(client("add", "shop") == 0)
        let first = try shop().secretHashes
        #expect(client("drop-secret", "shop", "--old") == 1 && client("drop-secret", "shop", "--new") == 1)
        #expect(client("add-secret", "shop") == 0)
        let both = try shop().secretHashes
        #expect(both.count == 2 && both[0] == first[0] && both[1] != first[0])
        #expect(client("add-secret", "shop") == 1)
        #expect(client("drop-secret", "shop") == 2 && client("drop-secret", "shop", "--old", "--new") == 2)
        #expect(client("drop-secret", "shop", "--old") == 0)
        #expect(try shop().secretHashes == [both[1]])
        #expect(client("add-secret", "shop") == 0 && client("drop-secret", "shop", "--new") == 0)
        #expect(try shop().secretHashes == [both[1]])
        #expect(client("add-secret", "none") == 1 && client("drop-secret", "none", "--old") == 1)
    }

    @Test func `roles, scopes and claims come and go`() throws {
        let hash = "$6$rounds=1000$salt$" + String(repeating: "a", count: 86)
        #expect(user("add", "amy", "--role", "a", "--scope", "read", "--claim", "team=\"x\"", "--hash", hash) == 0)
        let before = try amy()
        #expect(
            user(
                "change", "amy", "--role", "b", "--role", "a", "--drop-scope", "read", "--scope", "write", "--claim",
                "team=\"y\"", "--claim", "level=3") == 0)
        let after = try amy()
        #expect(after.roles == ["a", "b"] && after.scopes == ["write"])
        #expect(String(decoding: after.claims, as: UTF8.self) == #"{"team":"y","level":3}"#)
        #expect(
            after.id == before.id && after.passwordHash == before.passwordHash
                && after.sessionsFrom == before.sessionsFrom)
        #expect(user("change", "amy", "--drop-claim", "team", "--drop-role", "a") == 0)
        #expect(try amy().roles == ["b"] && String(decoding: amy().claims, as: UTF8.self) == #"{"level":3}"#)
    }

    @Test func `a change that cannot be made as a whole is not made`() throws {
        let hash = "$6$rounds=1000$salt$" + String(repeating: "a", count: 86)
        #expect(user("add", "amy", "--hash", hash) == 0)
        let before = try amy()
        #expect(user("change", "amy", "--role", "b", "--drop-role", "none") == 1)
        #expect(user("change", "amy", "--role", "b", "--drop-claim", "none") == 1)
        #expect(user("change", "amy", "--role", "a b") == 2 && user("change", "amy", "--claim", "sub=\"x\"") == 2)
        #expect(user("change", "amy") == 2 && user("change", "bob", "--role", "a") == 1)
        #expect(try amy() == before)
    }

    @Test func `a file that is not there is neither read nor made`() {
        #expect(user("list") == 1 && user("disable", "amy") == 1 && client("list") == 1 && client("remove", "a") == 1)
        #expect(KeysCommand.run(["list", "--keys", scratch["keys"]]) == 1)
        #expect(KeysCommand.run(["rotate", "--keys", scratch["keys"]]) == 1)
        #expect(!FileStamp(scratch["users.json.lock"]).exists && !FileStamp(scratch["keys"]).exists)
        #expect(
            UserCommand.run(["add", "a", "--hash", "$6$", "--users", scratch["no/users.json"]]) == ExitCode.unavailable)
    }

    @Test(arguments: [
        ("", "empty"), ("\"$2b$x\"", "quotes"), ("$2b$12$abc ", "white space"), ("abc", "use single quotes"),
        ("$2b$12$abc", "bcrypt"), ("$argon2i$v=19$m=1,t=1,p=1$a$b", "a salt of 8 to 64 bytes"),
        ("$argon2id$v=19$m=9", "another number of parts"),
        ("$1$salt$abc", "scheme is not supported"), ("$6$a$b", "86 letters"), ("$y$j9T$a", "$y$ with parameters"),
    ])
    func `a hash is refused for its own reason`(_ hash: String, _ reason: String) {
        #expect(PasswordHashMessage.about(hash)?.contains(reason) == true)
        #expect(UserCommand.run(["add", "a", "--hash", hash, "--users", scratch["users.json"]]) == 2)
    }
}
