@testable import App
import Service
import Telemetry
import Testing

@Suite("Configuration")
struct ConfigurationTests {
    private func read(_ environment: [String: String]) throws(ConfigurationError) -> Configuration {
        try Configuration(environment: environment, cores: 3)
    }

    private func mistakes(_ environment: [String: String]) -> [String] {
        do {
            _ = try read(environment)
            return []
        } catch {
            return error.mistakes
        }
    }

    @Test func `nothing set is what the list of settings says`() throws {
        let plain = try read([:])
        let written = try read(
            Dictionary(uniqueKeysWithValues: Setting.allCases.map { ($0.name, $0.defaultText) }))
        #expect("\(plain)" == "\(written)")
        #expect(
            plain.listen.addresses == [.tcp(host: "127.0.0.1", port: 8080)]
                && plain.listen.operatorAddresses == [.tcp(host: "127.0.0.1", port: 8081)])
        #expect(
            plain.tokens.auth.accessLifetime == 600 && plain.tokens.auth.refreshIdle == 1_209_600
                && plain.tokens.auth.sessionMax == 7_776_000)
        #expect(
            plain.tokens.auth.leeway == 0 && plain.tokens.refreshGrace == 10_000 && plain.limits.threads == 3
                && plain.hashing.workers == 3)
        #expect(
            plain.tokens.auth.audiences == ["api"] && plain.tokens.auth.algorithm == .rs256
                && plain.tokens.auth.sharedSecretAudiences.isEmpty)
        #expect(plain.hashing.argon2 == .standard && plain.log.form == .json && plain.log.level == .info)
    }

    @Test func `every mistake is told at once, with its name and what is expected`() {
        let found = mistakes([
            "MARTLET_LISTEN": "nowhere", "MARTLET_ACCESS_TTL": "1s", "MARTLET_THREADS": "0", "MARTLET_LOG": "xml",
            "MARTLET_ISSUER": "ftp://x", "MARTLET_PORT": "80", "MARTLET_ACESS_TTL": "5m", "PATH": "/bin",
            "martlet_x": "1",
        ])
        #expect(found.count == 7)
        for name in ["LISTEN", "ACCESS_TTL", "THREADS", "LOG", "ISSUER", "PORT", "ACESS_TTL"] {
            #expect(found.filter { $0.hasPrefix("MARTLET_\(name): ") }.count == 1, "\(name)")
        }
        #expect(found.contains("MARTLET_ACESS_TTL: there is no such setting; did you mean MARTLET_ACCESS_TTL?"))
        #expect(found.contains { $0.hasPrefix("MARTLET_THREADS: «0» is not a whole number from 1 to 256") })
    }

    @Test func `a mistake's text ends no line and fits one`() {
        let found = mistakes(["MARTLET_THREADS": "a\nb\u{1b}[31m" + String(repeating: "x", count: 500)])
        #expect(found.count == 1 && found[0].utf8.allSatisfy { $0 >= 0x20 } && found[0].count < 200)
    }

    @Test(arguments: [
        (Setting.accessLifetime, ["30s", "1h", "60m", "3600s"], ["29s", "3601s", "2h", "0s"]),
        (.refreshIdle, ["1m", "400d"], ["59s", "401d"]), (.sessionMax, ["60s", "400d"], ["0d", "34560001s"]),
        (.refreshGrace, ["0s", "60s", "1m"], ["61s", "-1s"]), (.leeway, ["0s", "60s"], ["61s", "2m"]),
        (.threads, ["1", "256", "cores"], ["0", "257", "core", "+", "1.5"]),
        (.hashWorkers, ["1", "256", "cores"], ["0", "257"]), (.hashQueue, ["1", "65536"], ["0", "65537"]),
        (.argon2Memory, ["19456", "262144"], ["19455", "7168", "262145", "0"]),
        (.argon2Passes, ["2", "20"], ["1", "0", "65"]),
        (.argon2Lanes, ["1", "16"], ["0", "17"]), (.loginAccountFailures, ["0", "1000000"], ["-1", "1000001"]),
        (.loginSourceFailures, ["0", "1000000"], ["-1", "1000001"]),
        (.connections, ["1", "1000000"], ["0", "1000001"]),
        (.connectionsPerSource, ["0", "1000000"], ["-1", "1000001"]), (.headTimeout, ["1s", "10m"], ["0s", "601s"]),
        (.bodyTimeout, ["1s", "600s"], ["0s", "11m"]), (.idleTimeout, ["1s", "1h"], ["0s", "3601s"]),
        (.writeTimeout, ["1s", "10m"], ["0s", "601s"]), (.drainTimeout, ["1s", "10m"], ["0s", "601s"]),
        (.algorithm, ["RS256", "HS512", "PS384", "ES256", "EdDSA"], ["none", "rs256", "ES256K", "eddsa", ""]),
        (.log, ["json", "text"], ["JSON", ""]),
        (.logLevel, ["debug", "info", "warning", "error"], ["warn", "", "fatal"]),
        (.accessLog, ["off", "stderr", "stdout", "/a/b", "./a"], ["", "on", "stdin", "access.log", "a/"]),
        (.accessLogSample, ["0", "1", "0.05", ".5", "1.0"], ["", "-1", "1.1", "2", "nan", "1e-3", "0x1", "."]),
        (.state, ["var", "/x"], [""]), (.keys, ["keys"], [""]), (.users, ["a"], [""]), (.clients, ["a"], [""]),
        (.audience, ["api", "a,b", " a , b ", "https://api.example"], ["", ",", "a,a", "a b", "a\"b", "é"]),
        (.claims, ["", "team", "team,level"], ["sub", "team,iss", "roles", "active"]),
        (
            .listen, ["[::1]:0", "localhost:8080", "unix:/a,0.0.0.0:1"],
            [
                "", "8080", "::1:80", "a:b", "a:65536", "unix:", ":80", "[]:1", "auth.internal:80", "*:80", "1.2.3:80",
                "127.0.0.1:1,127.0.0.1:1", "0.0.0.0:1,127.0.0.1:1", "[::]:1,[::1]:1", "127.0.0.1:1,localhost:1",
                "unix:/a,unix:/a?mode=0600", "fd:a,fd:a",
            ]
        ),
        (.lockWait, ["0s", "10m"], ["-1s", "601s", "10"]), (.seen, ["", "/a/b"], ["a/"]),
        (.operatorListen, ["", "127.0.0.1:1", "fd:ops"], ["x", "proxy+127.0.0.1:1"]),
        (.trustedProxies, ["", "10.0.0.0/8, ::1 ,unix"], ["10.0.0.1/8", "localhost", "10.0.0.0/33", "::1,x"]),
        (.forwardedField, ["either", "forwarded", "x-forwarded-for"], ["", "x-real-ip", "Forwarded"]),
        (.handover, ["", "/run/m.sock"], ["/" + String(repeating: "a", count: 107)]),
        (.requestsPerConnection, ["0", "1000000000"], ["-1", "1000000001"]),
        (.bufferMemory, ["1", "1048576"], ["0", "1048577"]), (.tlsHandshakes, ["1", "1000000"], ["0", "1000001"]),
        (.rateMin, ["0", "1000000"], ["-1", "1000001"]),
    ])
    func `bounds hold, at both ends`(_ setting: Setting, _ good: [String], _ bad: [String]) {
        for text in good { #expect(mistakes([setting.name: text]) == [], "\(text)") }
        for text in bad {
            let found = mistakes([setting.name: text])
            #expect(!found.isEmpty && found.allSatisfy { $0.hasPrefix("MARTLET_") }, "\(setting.name)=\(text)")
            #expect(
                found.contains { $0.hasPrefix(setting.name) } || setting == .argon2Passes,
                "\(setting.name)=\(text)")
        }
    }

    @Test func `the service and the operator cannot have one address`() {
        let found = mistakes(["MARTLET_LISTEN": "0.0.0.0:8081"])
        let sentence = "valid: 127.0.0.1:8081 overlaps with 0.0.0.0:8081"
        #expect(found == ["MARTLET_OPERATOR_LISTEN: «127.0.0.1:8081» is not \(sentence)"])
        #expect(mistakes(["MARTLET_LISTEN": "[::]:8081"]) == [])
        #expect(mistakes(["MARTLET_LISTEN": "127.0.0.1:0,127.0.0.1:0"]) == [])
    }

    @Test func `a proxy that introduces its clients has to be named`() throws {
        let found = mistakes(["MARTLET_LISTEN": "proxy+127.0.0.1:1"])
        #expect(found.count == 1 && found[0].hasPrefix("MARTLET_TRUSTED_PROXIES: «» is not a list"))
        let names = ["MARTLET_LISTEN": "proxy+127.0.0.1:1", "MARTLET_TRUSTED_PROXIES": "127.0.0.1"]
        let read = try Configuration(environment: names, cores: 1)
        #expect(
            read.listen.addresses.map(\.usesProxyProtocol) == [true] && read.listen.trust.covers(.ipv4(0x7f00_0001)))
    }

    @Test(arguments: Setting.allCases)
    func `the bounds that the summary states are the bounds`(_ setting: Setting) {
        let (good, bad): ([String], [String])
        switch setting.kind {
        case .text, .list: return
        case .path: (good, bad) = (["x"], [""])
        case .choice(let words): (good, bad) = (words, ["", "x"])
        case .share: (good, bad) = (["0", "1"], ["-1", "1.01"])
        case .workers(let range), .number(let range):
            (good, bad) = (
                ["\(range.lowerBound)", "\(range.upperBound)"], ["\(range.lowerBound - 1)", "\(range.upperBound + 1)"]
            )
            #expect(
                setting.summary.contains(
                    range.lowerBound == 0 ? "up to \(range.upperBound)" : "\(range.lowerBound) to \(range.upperBound)"))
        case .time(let range):
            let ends = (TimeSpan.text(range.lowerBound), TimeSpan.text(range.upperBound))
            (good, bad) = ([ends.0, ends.1], ["\(range.lowerBound - 1)s", "\(range.upperBound + 1)s"])
            #expect(setting.summary.contains("\(ends.0) to \(ends.1)") || setting.summary.contains("up to \(ends.1)"))
        }
        // The cost of Argon2 is also checked as a whole.
        let isPart = [Setting.argon2Memory, .argon2Passes].contains(setting)
        // A limit on the sessions of a user needs the list of sessions, a style sheet that replaces ours needs a file, and
        // what belongs to a store needs one.
        let others: [String: String] =
            switch setting {
            case .sessionsPerUser: [Setting.sessions.name: "on"]
            case .pagesStyleMode: [Setting.pagesStyle.name: "house.css"]
            case .storeTimeout, .storeReplicas, .storeDurability, .sessionData: [Setting.store.name: "redis://store"]
            default: [:]
            }
        for text in good where !isPart {
            #expect(mistakes(others.merging([setting.name: text]) { $1 }) == [], "\(text)")
        }
        for text in bad {
            #expect(
                mistakes([setting.name: text]).contains { $0.hasPrefix("\(setting.name): «\(text)» is not ") },
                "\(text)")
        }
    }

    @Test(arguments: [
        "https://auth.example", "https://auth.example/", "https://auth.example:8443/a/b", "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:1", "http://localhost/path",
    ])
    func `an issuer is an https URL, or http on loopback (I8)`(_ issuer: String) {
        #expect(mistakes(["MARTLET_ISSUER": issuer]) == [])
    }

    @Test(arguments: [
        "", "auth.example", "http://auth.example", "https://", "https://a?b", "https://a#b", "https://a b",
        "http://localhost.evil",
        "http://127.0.0.1.evil", "http://127.0.0.10", "ftp://a", "HTTPS://a", "https://\u{e9}", "https://a\"b",
        "https://a\\b",
    ])
    func `no other text is an issuer (I8)`(_ issuer: String) {
        #expect(mistakes(["MARTLET_ISSUER": issuer]).count == 1)
    }

    @Test func `shared secrets are for audiences that there are`() throws {
        let good = try read([
            "MARTLET_AUDIENCE": "api, billing", "MARTLET_HS256_AUDIENCES": "billing", "MARTLET_CLAIMS": "team, level",
        ])
        #expect(
            good.tokens.auth.audiences == ["api", "billing"] && good.tokens.auth.sharedSecretAudiences == ["billing"])
        #expect(good.tokens.auth.extraClaims == ["team", "level"])
        #expect(mistakes(["MARTLET_HS256_AUDIENCES": "billing"]).count == 1)
    }

    @Test func `weaker Argon2 memory needs more passes (F6)`() throws {
        for (memory, passes) in [("12288", "3"), ("9216", "4"), ("7168", "5"), ("47104", "1")] {
            let read = try read(["MARTLET_ARGON2_MEMORY": memory, "MARTLET_ARGON2_PASSES": passes])
            #expect(read.hashing.argon2.isAdequate && "\(read.hashing.argon2.passes)" == passes)
        }
        for (memory, passes) in [("12287", "3"), ("7168", "4"), ("47103", "1"), ("262144", "5")] {
            #expect(
                mistakes(["MARTLET_ARGON2_MEMORY": memory, "MARTLET_ARGON2_PASSES": passes]).count == 1,
                "\(memory) \(passes)")
        }
    }
}

@Suite("Listen addresses")
struct ListenAddressSpecTests {
    @Test(arguments: [
        ("127.0.0.1:80", ListenAddressSpec.tcp(host: "127.0.0.1", port: 80)),
        ("[2001:db8::1]:0", .tcp(host: "2001:db8::1", port: 0)),
        ("localhost:65535", .tcp(host: "localhost", port: 65_535)), ("unix:/run/m.sock", .unix(path: "/run/m.sock")),
        ("unix:rel", .unix(path: "rel")),
    ])
    func `are host and port, or a path`(_ text: String, _ address: ListenAddressSpec) {
        #expect(ListenAddressSpec(text) == address)
        #expect(ListenAddressSpec(first: " \(text) ,x") == address)
    }

    @Test func `say mode, name, TLS and proxyHeader`() {
        #expect(ListenAddressSpec("unix:/a?mode=0600") == .unix(path: "/a", mode: 0o600))
        #expect(ListenAddressSpec("unix:/a?mode=666") == .unix(path: "/a", mode: 0o666))
        #expect(ListenAddressSpec("fd:web")?.place == .inherited(name: "web"))
        let all = ListenAddressSpec("proxy+https://fd:web.socket")
        #expect(all?.place == .inherited(name: "web.socket") && all?.isSecure == true && all?.usesProxyProtocol == true)
        #expect(ListenAddressSpec("proxy+unix:/a?mode=0666")?.usesProxyProtocol == true)
        #expect(ListenAddressSpec("proxy+[::1]:80")?.place == .tcp(host: "::1", port: 80))
        for text in [
            "https://unix:/a", "unix:/a?mode=", "unix:/a?mode=+66", "unix:/a?mode=0888", "unix:/a?mode=1600",
            "unix:/a?mode=0400",
            "unix:/a?x", "unix:?mode=0600", "fd:", "fd:a b", "fd:a:b", "https://proxy+a:1", "proxy+", "proxy+proxy+a:1",
        ] { #expect(ListenAddressSpec(text) == nil, "\(text)") }
    }

    @Test(arguments: [
        "", "80", ":80", "a:", "a:-1", "a:65536", "a:8o", "::1:80", "[::1]", "[::1]:", "[]:80", "unix:",
        "unix:/" + String(repeating: "a", count: 107),
    ])
    func `are nothing else`(_ text: String) {
        #expect(ListenAddressSpec(text) == nil)
    }
}
