@testable import API
import Foundation
import HTTP
import JOSE
import Keys
import Platform
import Service
import Testing

/// Real answers and the schemas that the OpenAPI document is printed from.
@Suite("Answers and their schemas")
struct AnswerSchemaTests {
    /// Returns how an answer differs from what its operation documents.
    private static func faults(_ ask: Ask, _ answer: Answer) throws -> [String] {
        let route = try #require(
            RouteTable.standard.routes.first { "\($0.path)" == ask.path && $0.listener == ask.role })
        let operation = try #require(route.operations.first { $0.method.rawValue == ask.method })
        let documented = operation.answers.first { $0.status == answer.status }
        let schema = documented.map { $0.content?.schema } ?? (route.isOAuth ? .oauthProblem : .problem)
        guard let schema else { return answer.body.isEmpty ? [] : ["content where none is documented"] }
        let type = documented?.content?.type ?? "application/problem+json"
        guard answer["content-type"] == type else { return ["\(answer["content-type"] ?? "no type")"] }
        return schema.faults(try JSONDecoder().decode(JSONValue.self, from: Data(answer.body)))
    }

    /// Sends the request and compares the answer with the document.
    @discardableResult
    private static func check(_ world: World, _ ask: Ask, _ status: UInt16 = 200) throws -> Answer {
        let answer = world.send(ask)
        #expect(answer.status == status, "\(ask.method) \(ask.path): \(answer.text)")
        let faults = try faults(ask, answer)
        #expect(faults.isEmpty, "\(ask.method) \(ask.path): \(faults)")
        return answer
    }

    private static func world(_ algorithm: Algorithm) throws -> World {
        try World(keys: [World.key(algorithm), World.refresh]) { settings in
            settings.algorithm = algorithm
            settings.sharedSecretAudiences = []
        }
    }

    @Test(arguments: Algorithm.allCases)
    func `tokens, their verification and the documents are as described`(_ algorithm: Algorithm) throws {
        let world = try Self.world(algorithm)
        let pair = World.Pair(try Self.check(world, World.login()))
        let bearer = Ask("GET", "/verify").bearer(pair.access)
        #expect(try Self.check(world, bearer).string("alg") == algorithm.rawValue)
        try Self.check(world, Ask("POST", "/verify").json("{\"token\":\"\(pair.access)\"}"))
        for more in ["", ",\"claims\":false"] {
            let list = "{\"tokens\":[\"\(pair.access)\",\"no\"]\(more)}"
            let batch = try Self.check(world, Ask("POST", "/verify/batch").json(list))
            let first = (batch.json["results"] as? [[String: Any]])?.first
            #expect(first?["alg"] as? String == algorithm.rawValue)
        }
        try Self.check(world, Ask("GET", "/verify?scope=fly").bearer(pair.access), 403)
        try Self.check(world, Ask("GET", "/auth").bearer(pair.access))
        let owned = World.Pair(
            try Self.check(world, World.login().basic("shop", World.encoded(World.secret))))
        for (token, isActive) in [(owned.access, true), (owned.refresh, true), ("none", false)] {
            let ask = Ask("POST", "/introspect").form(["token": token]).basic("shop", World.encoded(World.secret))
            #expect(try Self.check(world, ask).json["active"] as? Bool == isActive)
        }
        let next = World.Pair(try Self.check(world, Ask("POST", "/refresh").form(["refresh_token": pair.refresh])))
        let grant = ["grant_type": "refresh_token", "refresh_token": next.refresh] as KeyValuePairs
        try Self.check(world, Ask("POST", "/token").form(grant))
        try Self.check(world, Ask("POST", "/revoke").form(["token": pair.access]))
        try Self.check(world, bearer, 401)
        let keys = try Self.check(world, Ask("GET", "/.well-known/jwks.json")).json["keys"] as? [[String: Any]]
        #expect(keys?.compactMap { $0["alg"] as? String } == (algorithm.isMAC ? [] : [algorithm.rawValue]))
        try Self.check(world, Ask("GET", "/.well-known/oauth-authorization-server"))
        try Self.check(world, Ask("GET", "/admin/status", role: .operator).from(.local))
        try Self.check(world, Ask("POST", "/logout").form(["refresh_token": owned.refresh]), 204)
    }

    @Test func `what operators and monitors read is as described`() throws {
        let world = try World()
        world.reloads.failed(.users, at: World.start.adding(milliseconds: 1), reason: "users.json: line 1")
        try Self.check(world, Ask("GET", "/healthz"))
        try Self.check(world, Ask("GET", "/livez", role: .operator))
        try Self.check(world, Ask("GET", "/readyz", role: .operator))
        try Self.check(world, Ask("GET", "/admin/status", role: .operator).from(.local))
        let order = Ask("POST", "/admin/revocations", role: .operator).json("{\"all\":true}").from(.local)
        try Self.check(world, order)
        world.connections.isDraining.store(true, ordering: .relaxed)
        try Self.check(world, Ask("GET", "/readyz", role: .operator), 503)
    }

    @Test func `lists of sessions are as described`() throws {
        let world = try World { $0.sessionList = SessionListSettings() }
        let pair = World.Pair(
            try Self.check(
                world, Ask("POST", "/login").form(["username": "alice", "password": World.password, "device": "Phone"]))
        )
        _ = world.send(World.login().from(.local))
        try Self.check(world, Ask("GET", "/sessions").bearer(pair.access))
        try Self.check(world, Ask("GET", "/admin/status", role: .operator).from(.local))
        try Self.check(world, Ask("GET", "/sessions"), 401)
    }

    @Test func `errors are as described, with the members of OAuth where they belong`() throws {
        let world = try World()
        try Self.check(world, Ask("GET", "/verify").bearer("no"), 401)
        try Self.check(world, Ask("GET", "/verify?x=1").bearer("no"), 400)
        try Self.check(world, Ask("POST", "/login").form(["username": "alice", "password": "no"]), 401)
        try Self.check(world, Ask("POST", "/token").form(["grant_type": "password"]), 400)
        let credentials = Ask("POST", "/token").form(["grant_type": "client_credentials"])
        try Self.check(world, credentials.basic("shop", World.encoded(World.secret)), 400)
        try Self.check(world, Ask("POST", "/introspect").form(["token": "no"]), 401)
        try Self.check(world, Ask("POST", "/logout"), 401)
        let change = Ask("POST", "/password").bearer(world.pair().access)
        let unfit = try Self.check(
            world, change.form(["current_password": World.password, "new_password": "a"]), 422)
        #expect(unfit.json["reasons"] as? [String] == ["too_short"])
        try Self.check(world, change.form(["current_password": World.password, "new_password": "another one"]), 204)
        try Self.check(world, change.form(["current_password": "no", "new_password": "another one"]), 403)
    }

    @Test(arguments: [
        ("{\"active\":false}", "missing"), ("{\"extra\":1}", "not documented"), ("{\"seq\":1}", "another type"),
        ("{\"alg\":\"none\"}", "«none»"),
    ])
    func `an answer that differs is noticed`(_ json: String, _ complaint: String) throws {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
        let faults = Schema.verified.faults(value)
        #expect(faults.contains { $0.contains(complaint) }, "\(faults)")
    }

    @Test func `a value of two alternatives, a bad time and a bad identifier are noticed`() throws {
        #expect(Schema.oneOf(.string, .string(constant: "a")).faults(.string("a")).count == 1)
        #expect(Schema.time.faults(.string("2027-01-15")).count == 1)
        #expect(Schema.time.orNull.faults(.null).isEmpty && Schema.time.faults(.null).count == 1)
        #expect(Schema.uuid.faults(.string("019a")).count == 1)
        #expect(Schema.integer(minimum: 0).faults(.integer(-1)).count == 1)
        #expect(Schema.string(pattern: "^[0-9a-f]{20}$").faults(.string("8c1f")).count == 1)
    }

    @Test func `text that YAML would read as something else is quoted`() {
        let lines = YAML.member(
            "a", .map([("b", .text("no")), ("c", .text("1")), ("d", .text("x: y")), ("e", .text("x"))]))
        #expect(lines == ["a: {b: \"no\", c: \"1\", d: \"x: y\", e: x}"])
        let deep = YAML.member("a", .map([("b", .map([("c", .map([("d", .map([]))]))]))]))
        #expect(deep == ["a:", "  b:", "    c: {d: {}}"])
    }
}
