@testable import App
import Store
import Testing

@Suite("Settings of a store")
struct StoreSettingsTests {
    private func read(_ environment: [String: String]) throws(ConfigurationError) -> StoreSettings {
        try Configuration(environment: environment, cores: 1).store
    }

    private func mistakes(_ environment: [String: String]) -> [String] {
        do {
            _ = try read(environment)
            return []
        } catch {
            return error.mistakes
        }
    }

    @Test func `without a store there is none`() throws {
        #expect(try read([:]).connection == nil && read(["MARTLET_STORE": "file"]).connection == nil)
        #expect(try !read(["MARTLET_NODE": "a"]).isEngine)
    }

    @Test func `everything has a value that is in use`() throws {
        let plain = try #require(try read(["MARTLET_STORE": "redis://db"]).connection)
        #expect(
            plain.prefix == "martlet" && plain.timeout == 1_000 && plain.replicas == 0 && plain.durability == .strict)
        #expect(plain.password == nil && plain.caPath == nil)
        let full = try read([
            "MARTLET_STORE": "rediss://m@db", "MARTLET_STORE_CA": "/ca.pem", "MARTLET_STORE_PREFIX": "auth_2",
            "MARTLET_STORE_TIMEOUT": "3s", "MARTLET_STORE_REPLICAS": "2", "MARTLET_STORE_DURABILITY": "relaxed",
            "MARTLET_STORE_PASSWORD_FILE": "/secret", "MARTLET_NODE": "eu-1.a",
        ])
        let connection = try #require(full.connection)
        #expect(connection.prefix == "auth_2" && connection.timeout == 3_000 && connection.replicas == 2)
        #expect(connection.durability == .relaxed && connection.caPath == "/ca.pem")
        #expect(full.passwordPath == "/secret" && full.node == "eu-1.a")
    }

    @Test func `a node has the name of its host, which is never empty`() throws {
        #expect(try !read(["MARTLET_STORE": "redis://db"]).node.isEmpty)
    }

    @Test(
        arguments: [
            ("redis://db", "db", 6_379, nil, 0, false), ("redis://db:7000/3", "db", 7_000, nil, 3, false),
            ("rediss://martlet@db.example", "db.example", 6_379, "martlet", 0, true),
            ("redis://a%40b@127.0.0.1", "127.0.0.1", 6_379, "a@b", 0, false),
            ("redis://[::1]:1", "::1", 1, nil, 0, false),
            ("redis://[fe80::1]", "fe80::1", 6_379, nil, 0, false),
        ] as [(String, String, UInt16, String?, Int, Bool)])
    func `an address of Redis names host, port, user and database`(
        _ text: String, _ host: String, _ port: UInt16, _ user: String?, _ database: Int, _ isSecure: Bool
    ) throws {
        guard case .redis(let place) = try StoreAddress(text).engine else {
            Issue.record("another engine")
            return
        }
        #expect(place.hosts.map(\.name) == [host] && place.hosts.map(\.port) == [port])
        #expect(place.user == user && place.database == database && place.isSecure == isSecure)
        #expect(place.primaryName == nil)
    }

    @Test func `an address of Sentinels names them all, and the primary`() throws {
        guard case .redis(let place) = try StoreAddress("redis+sentinel://a,b:1,[::1]/main").engine else {
            Issue.record("another engine")
            return
        }
        #expect(place.hosts.map(\.name) == ["a", "b", "::1"] && place.hosts.map(\.port) == [26_379, 1, 26_379])
        #expect(place.primaryName == "main" && !place.isSecure)
    }

    @Test func `Sentinels and their servers are spoken to with TLS if the address says so`() throws {
        let settings = try read(["MARTLET_STORE": "rediss+sentinel://m@a:1,b/main", "MARTLET_STORE_CA": "/ca.pem"])
        guard case .redis(let place)? = settings.connection?.address.engine else {
            Issue.record("another engine")
            return
        }
        #expect(place.isSecure && place.primaryName == "main" && place.user == "m")
        #expect(place.hosts.map(\.port) == [1, 26_379])
        let found = mistakes(["MARTLET_STORE": "redis+sentinel://a/main", "MARTLET_STORE_CA": "/ca.pem"])
        #expect(found.count == 1 && found.first?.contains("Use rediss+sentinel://, or remove it") == true)
    }

    @Test(arguments: [
        "postgres://db/auth", "postgresql://m@a:5432,b:5433/auth?sslmode=verify-full", "postgres:///auth?host=/run/pg",
    ])
    func `an address of PostgreSQL is left to libpq`(_ text: String) throws {
        let address = try StoreAddress(text)
        #expect(address.engine == .postgres && address.text == text)
    }

    @Test(arguments: [
        "redis://:hunter2@db", "redis://m:hunter2@db", "rediss://m:hunter2@db:1/0",
        "redis+sentinel://m:hunter2@a,b/main",
        "postgres://m:hunter2@db/auth", "postgres://db/auth?password=hunter2", "postgres://db/auth?pass%77ord=hunter2",
        "postgres://db/auth?a=b&sslpassword=hunter2", "postgres://db/auth?passfile=/hunter2",
        "redis://db?password=hunter2",
    ])
    func `a password in the address is rejected and never repeated`(_ text: String) {
        let found = mistakes(["MARTLET_STORE": text])
        #expect(found.count == 1 && found[0].hasPrefix("MARTLET_STORE: the address contains a password"))
        #expect(found[0].contains("MARTLET_STORE_PASSWORD_FILE") && !found[0].contains("hunter2"))
    }

    @Test(arguments: [
        "", "mysql://db", "redis", "redis:db", "redis://", "redis:///0", "redis://a,b", "redis://db/x", "redis://db/-1",
        "redis://db:0", "redis://db:65536", "redis://db:+1", "redis://db:", "redis://@db", "redis://a b",
        "redis://d/0#x",
        "redis://[::1", "redis://[::1]x", "redis://%zz@db", "redis://%+f@db", "redis+sentinel://a,b",
        "redis+sentinel://a,,b/m",
        "redis+sentinel:///m", "REDIS://db", "redis://db\n", "file ", "fil\u{e9}",
    ])
    func `any other address is rejected with the forms there are, without repeating it`(_ text: String) {
        let found = mistakes(["MARTLET_STORE": text])
        #expect(found.count == 1 && found.first?.hasPrefix("MARTLET_STORE: the value is neither file nor") == true)
        #expect(found.first?.contains("redis://") == true && found.first?.contains("postgres://") == true)
    }

    @Test func `a parameter that Martlet sets itself is named`() {
        let found = mistakes(["MARTLET_STORE": "postgres://db/a?target_session_attrs=any"])
        #expect(found == ["MARTLET_STORE: Martlet sets target_session_attrs itself: remove it from the address"])
    }

    @Test func `all mistakes are told at once`() {
        let found = mistakes([
            "MARTLET_STORE": "redis://db", "MARTLET_FOLLOW": "https://a.example", "MARTLET_SEEN": "/seen",
            "MARTLET_ISSUER": "https://a.example", "MARTLET_STORE_CA": "/ca.pem", "MARTLET_STORE_PREFIX": "{x}",
            "MARTLET_STORE_TIMEOUT": "0s", "MARTLET_STORE_REPLICAS": "-1", "MARTLET_STORE_DURABILITY": "none",
            "MARTLET_NODE": "a b",
        ])
        #expect(found.count == 8)
        for (name, text) in [
            ("STORE", "MARTLET_FOLLOW"), ("SEEN", "there is none"), ("STORE_CA", "rediss://"),
            ("STORE_PREFIX", "lower-case"),
            ("STORE_TIMEOUT", "1s"), ("STORE_REPLICAS", "0 to 16"), ("STORE_DURABILITY", "strict, trusted or relaxed"),
            ("NODE", "64 letters"),
        ] {
            #expect(found.filter { $0.hasPrefix("MARTLET_\(name): ") && $0.contains(text) }.count == 1, "\(name)")
        }
    }

    @Test func `what is for a store only is a mistake without one`() {
        let found = mistakes([
            "MARTLET_STORE_PASSWORD_FILE": "/p", "MARTLET_STORE_CA": "/c", "MARTLET_STORE_PREFIX": "x",
            "MARTLET_STORE_TIMEOUT": "2s", "MARTLET_STORE_REPLICAS": "1", "MARTLET_STORE_DURABILITY": "trusted",
        ])
        #expect(
            found.count == 6
                && found.allSatisfy { $0.contains("MARTLET_STORE names none. Set MARTLET_STORE, or remove it") })
    }
}
