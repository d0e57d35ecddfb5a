import HTTP
import Testing

@Suite("/auth, what a gateway asks: J1, J2, J3, J6, J7, J8, J9")
struct AuthTests {
    static let identity = ["subject", "user", "session", "client", "scope", "roles", "expires"].map { "x-auth-\($0)" }

    let world: World

    init() throws { world = try World() }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "get"])
    func `answers every method alike, and ignores content (J6)`(_ method: String) {
        let pair = world.pair()
        let ask = Ask(method, "/auth").bearer(pair.access).content("\u{0}{{not json", "multipart/form-data")
        let answer = world.send(ask)
        #expect(answer.status == 200 && answer.body.isEmpty && answer["cache-control"] == "no-store")
        #expect(Self.identity.allSatisfy { answer[$0] != nil })
        #expect(world.send(Ask(method, "/auth")).status == 401)
    }

    @Test(arguments: ["TRACE", "CONNECT"])
    func `refuses what nobody relays (M5)`(_ method: String) {
        let answer = world.send(Ask(method, "/auth").bearer(world.pair().access))
        #expect(answer.status == 405 && answer["allow"]?.contains("GET") == true)
    }

    @Test func `says who it is, in every field, each once (J7)`() {
        let pair = world.pair(of: "shop")
        let answer = world.send(Ask("GET", "/auth").bearer(pair.access).with("X-Auth-User", "root"))
        #expect(answer["x-auth-subject"] == "\(World.alice)" && answer["x-auth-user"] == "alice")
        #expect(answer["x-auth-session"] == pair.sid && answer["x-auth-client"] == "shop")
        #expect(answer["x-auth-scope"] == "read write admin" && answer["x-auth-roles"] == "admin,ops")
        #expect(answer["x-auth-expires"] == "\(world.clock.seconds + 600)")
        #expect(answer.fields.map(\.name).filter { $0.hasPrefix("x-auth-") } == Self.identity)
    }

    @Test func `empty values are sent too, and what is not ASCII is encoded (J7)`() {
        let answer = world.send(Ask("GET", "/auth").bearer(world.pair("Zoë %41 雪").access))
        #expect(answer.status == 200 && Self.identity.allSatisfy { answer[$0] != nil })
        #expect(answer["x-auth-scope"]?.isEmpty == true && answer["x-auth-roles"]?.isEmpty == true)
        #expect(answer["x-auth-user"] == "Zo%C3%AB %2541 %E9%9B%AA")
        #expect(answer.fields.allSatisfy { $0.value.utf8.allSatisfy { (0x20...0x7e).contains($0) } })
        let withoutSession = world.send(
            Ask("GET", "/auth").bearer(Forged.access(["aud": "\"shared\"", "client_id": nil, "scope": nil])))
        #expect(withoutSession.status == 200 && withoutSession["x-auth-session"]?.isEmpty == true)
        #expect(withoutSession["x-auth-client"]?.isEmpty == true && withoutSession["x-auth-scope"]?.isEmpty == true)
    }

    @Test func `takes an HS256 token only for an audience or a client that shares the secret (B1)`() {
        #expect(world.send(Ask("GET", "/auth").bearer(Forged.access(["aud": "\"shared\""]))).status == 200)
        #expect(world.send(Ask("GET", "/auth").bearer(Forged.access(["client_id": "\"secretive\""]))).status == 200)
        #expect(world.send(Ask("GET", "/auth").bearer(Forged.access())).status == 401)
        #expect(world.send(Ask("GET", "/auth").bearer(Forged.access(["client_id": "\"shop\""]))).status == 401)
    }

    @Test func `takes the scheme in any case and more than one space (J1)`() {
        let token = world.pair().access
        for good in ["Bearer \(token)", "bearer \(token)", "BEARER    \(token)"] {
            #expect(world.send(Ask("GET", "/auth").with("Authorization", good)).status == 200, "\(good.prefix(10))")
        }
        let bad = [
            "Bearer", "Bearer ", token, "Bearer\t\(token)", "Bearer \(token) \(token)", "Bearer \(token),",
            "Bearer: \(token)",
            "Token \(token)", "Bearer \"\(token)\"", "Bearer=\(token)", "",
        ]
        for value in bad {
            #expect(world.send(Ask("GET", "/auth").with("Authorization", value)).status == 401, "\(value.prefix(10))")
        }
    }

    @Test func `two Authorization fields, or a token elsewhere, admit nobody (J2, J3)`() {
        let token = world.pair().access
        #expect(world.send(Ask("GET", "/auth").bearer(token).bearer(token)).status == 401)
        #expect(world.send(Ask("GET", "/auth").bearer(token).with("authorization", "")).status == 401)
        #expect(world.send(Ask("GET", "/auth?access_token=\(token)")).status == 401)
        #expect(world.send(Ask("GET", "/auth?access_token=\(token)").bearer(token)).status == 401)
        #expect(world.send(Ask("POST", "/auth").form("access_token=\(token)")).status == 401)
        #expect(world.send(Ask("GET", "/auth").with("Cookie", "token=\(token)")).status == 401)
        #expect(world.send(Ask("GET", "/auth").with("X-Forwarded-Authorization", "Bearer \(token)")).status == 401)
    }

    @Test(arguments: [
        ("aud=api", 200), ("aud=billing", 401), ("scope=read", 200), ("scope=read+root", 403), ("role=admin", 200),
        ("role=admin+ops", 200), ("role=root", 403), ("role=adm", 403), ("aud=api&scope=write&role=ops", 200),
        ("", 200),
        ("audience=api", 200), ("audience=billing", 401), ("max_age=0", 200), ("role=admin+admin", 200),
    ])
    func `the query says what the route needs; the same names as on /verify (J6)`(
        _ query: String, _ status: Int
    ) {
        let answer = world.send(Ask("GET", "/auth?\(query)").bearer(world.pair().access))
        #expect(answer.status == UInt16(status))
    }

    @Test(arguments: [
        ("aud=api&aud=billing", "The condition audience (or aud) was given twice."),
        ("aud=api&audience=api", "The condition audience (or aud) was given twice."),
        ("role=admin&role=ops", "The condition role was given twice."), ("scope=%zz", "The query is not a form."),
        ("scope=%22", "The condition scope must be one or more names, separated by single spaces."),
        ("role=+", "The condition role must be one or more names, separated by single spaces."),
        ("role=admin++ops", "The condition role must be one or more names, separated by single spaces."),
        ("role=", "The condition role is empty."), ("scope", "The condition scope is empty."),
        ("aud=", "The condition aud is empty."), ("max_age=", "The condition max_age is empty."),
        ("max_age=%2B5", "The condition max_age must be a whole number of seconds."),
        ("roles=admin", "Unknown condition: roles."), ("Role=admin", "Unknown condition: Role."),
        ("min_seq=x", "The member min_seq must be a position such as 1:4194401, or a whole number."),
        ("max_seq=1", "Unknown condition: max_seq."), ("other=1", "Unknown condition: other."),
        ("=x", "Unknown condition: whose name is empty, long or not plain text."),
        ("%3Cb%3E=1", "Unknown condition: whose name is empty, long or not plain text."),
    ])
    func `a condition that is not understood is 403 and a line in the log, whoever asks (J6)`(
        _ query: String, _ detail: String
    ) throws {
        for ask in [Ask("GET", "/auth?\(query)").bearer(world.pair().access), Ask("GET", "/auth?\(query)")] {
            let answer = world.send(ask)
            #expect(answer.status == 403 && answer.code == "condition_invalid" && answer.string("detail") == detail)
            let line = try #require(world.log.events("auth_condition_invalid").last)
            #expect(line["level"] as? String == "warning" && line["reason"] as? String == detail)
            #expect(line["request_id"] as? String == answer.string("request_id"))
        }
    }

    @Test func `max_age counts from the login, on /auth as on /verify`() {
        let token = world.pair().access
        world.clock.advance(100)
        #expect(world.send(Ask("GET", "/auth?max_age=100").bearer(token)).status == 200)
        #expect(world.send(Ask("GET", "/auth?max_age=99").bearer(token)).code == "auth_too_old")
    }

    @Test func `what is relayed of the original request decides nothing (J8)`() {
        let token = world.pair("bob").access
        let relayed: KeyValuePairs = [
            "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Method": "OPTIONS", "X-Forwarded-Uri": "/public?scope=read",
            "X-Original-URL": "/", "X-Original-Method": "OPTIONS", "X-Auth-Scope": "write", "X-Auth-Roles": "admin",
            "Forwarded": "for=127.0.0.1",
        ]
        func relay(_ ask: Ask) -> Ask { relayed.reduce(ask) { $0.with($1.key, $1.value) } }
        #expect(world.send(relay(Ask("GET", "/auth?scope=write").bearer(token))).status == 403)
        #expect(world.send(relay(Ask("GET", "/auth?role=admin").bearer(token))).status == 403)
        #expect(world.send(relay(Ask("GET", "/auth"))).status == 401)
        #expect(world.send(relay(Ask("GET", "/auth").bearer(token)))["x-auth-scope"] == "read")
    }
}
