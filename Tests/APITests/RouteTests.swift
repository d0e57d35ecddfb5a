import HTTP
import Service
import Testing

@testable import API

@Suite("Routes and their table")
struct RouteTests {
    /// Answers with the values of its path.
    static let session = Route(
        "/tests/{name}/sessions/{sid}", [.get, .head], access: .anyone, policies: .quiet,
        operations: [operation(.get)]
    ) { _, _, response, _, call throws(Problem) in
        for name in ["name", "sid"] {
            response.body.append(contentsOf: call.parameters?[name] ?? [])
            response.body.append(UInt8(ascii: ";"))
        }
        return .answered
    }

    /// A path that the pattern of ``session`` matches too.
    static let fixed = plain("/tests/a/sessions/own")

    static func operation(_ method: Method) -> Operation {
        Operation(
            method: method, id: "test", tag: "test", summary: "", description: "",
            answers: [Operation.Answer(status: 200, description: "")])
    }

    static func plain(_ path: StaticString, _ methods: Methods = [.get, .head], access: AccessRule = .anyone) -> Route {
        Route(path, methods, access: access, operations: [operation(.get)]) { _, _, response, _, call throws(Problem) in
            response.body.append(call.parameters == nil ? "fixed" : "pattern")
            return .answered
        }
    }

    private func world() throws -> World {
        // The pattern comes first, and the fixed path wins.
        try World(routes: RouteTable([Self.session] + RouteTable.standard.routes + [Self.fixed]))
    }

    @Test func `a path with parameters hands their values to the handler`() throws {
        let world = try world()
        #expect(world.send(Ask("GET", "/tests/alice/sessions/019a")).text == "alice;019a;")
        #expect(world.send(Ask("GET", "/tests/a%2Fb/sessions/..")).text == "a%2Fb;..;")
        #expect(world.send(Ask("POST", "/tests/alice/sessions/019a"))["allow"] == "GET, HEAD, OPTIONS")
        #expect(world.send(Ask("OPTIONS", "/tests/alice/sessions/019a")).status == 204)
        #expect(world.send(Ask("GET", "/tests/alice/sessions/019a?access_token=x")).code == "token_in_url")
    }

    @Test(arguments: [
        "/tests/alice/sessions/", "/tests//sessions/1", "/tests/alice/sessions", "/tests/alice/sessions/1/2",
        "/tests/alice/session/1", "tests/alice/sessions/1", "/tests/alice/sessions/1/",
    ])
    func `a path that differs from the pattern is not found`(_ path: String) throws {
        #expect(try world().send(Ask("GET", path)).code == "not_found")
    }

    @Test func `another listener does not serve the pattern`() throws {
        #expect(try world().send(Ask("GET", "/tests/alice/sessions/1", role: .operator)).code == "not_found")
    }

    @Test func `a fixed path comes before a pattern, wherever it is in the table`() throws {
        let world = try world()
        #expect(world.send(Ask("GET", "/tests/a/sessions/own")).text == "fixed")
        #expect(world.send(Ask("GET", "/tests/b/sessions/own")).text == "b;own;")
    }

    @Test func `metrics and log name the pattern, never the path`() throws {
        let world = try world()
        _ = world.send(Ask("GET", "/tests/alice/sessions/019a"))
        _ = world.send(Ask("POST", "/tests/alice/sessions/019a"))
        let metrics = world.send(Ask("GET", "/metrics", role: .operator)).text
        let row = "martlet_requests_total{route=\"/tests/{name}/sessions/{sid}\",status=\"200\"} 1\n"
        #expect(metrics.contains(row) && !metrics.contains("alice"))
        #expect(world.log.events("request_refused").last?["path"] as? String == "/tests/{name}/sessions/{sid}")
    }

    @Test func `the order of the table changes no answer`() throws {
        let world = try World(routes: RouteTable(RouteTable.standard.routes.reversed()))
        let pair = world.pair()
        #expect(world.verify(pair.access).status == 200)
        #expect(world.send(Ask("GET", "/healthz")).status == 200)
        let metrics = world.send(Ask("GET", "/metrics", role: .operator)).text
        #expect(metrics.contains("martlet_requests_total{route=\"/login\",status=\"200\"} 1\n"))
        #expect(metrics.contains("martlet_requests_total{route=\"/verify\",status=\"200\"} 1\n"))
    }

    @Test func `the standard table has no mistake`() {
        #expect(RouteTable.mistake(in: RouteTable.standard.routes) == nil)
    }

    static let mistakes: [(routes: [Route], mistake: String)] = [
        ([plain("/a"), plain("/a")], "/a: another route has this path"),
        ([plain("/{a}/b"), plain("/a/{b}")], "/a/{b}: some paths also match /{a}/b"),
        ([plain("a")], "a: not the path of an endpoint"),
        ([plain("/a/")], "/a/: not the path of an endpoint"),
        ([plain("/{a}/{a}")], "/{a}/{a}: parameters need different names"),
        ([plain("/{}")], "/{}: parameters need different names"),
        ([plain("/a", [.get])], "/a: GET and HEAD go together"),
        ([plain("/a", [.get, .head, .post])], "/a: one operation per method"),
        ([plain("/a", access: .operatorSocket)], "/a: an endpoint of the operator's socket answers not_found over TCP"),
        ([plain("/a", access: .client)], "/a: an endpoint for clients answers client_invalid"),
        ([plain("/a", access: .bearer)], "/a: an endpoint for bearers of a token answers token_missing"),
        ([plain("/a", access: .browser)], "/a: an endpoint for bearers of a token answers token_missing"),
        (
            [
                Route("/a", [.get, .head], access: .page, codes: [.notFound], operations: [operation(.get)]) {
                    _, _, _, _, _ throws(Problem) in .answered
                }
            ], "/a: a page has no problem codes"
        ),
    ]

    @Test(arguments: mistakes)
    func `a table with a mistake is refused`(_ routes: [Route], _ mistake: String) {
        #expect(RouteTable.mistake(in: routes) == mistake)
    }

    @Test func `content and its problem code go together`() {
        let route = Route(
            "/a", [.post], content: .json, operations: [Self.operation(.post)]
        ) { _, _, _, _, _ throws(Problem) in .answered }
        #expect(RouteTable.mistake(in: [route]) == "/a: unsupported_media_type goes with content")
    }

    @Test(arguments: [
        ("/a/{b}", "/a/{c}", true), ("/a/{b}", "/{c}/d", true), ("/a/{b}", "/c/{b}", false), ("/{a}", "/{a}/b", false),
    ])
    func `two patterns overlap if one path can match both`(_ one: String, _ other: String, _ overlaps: Bool) throws {
        let paths: [String: StaticString] = [
            "/a/{b}": "/a/{b}", "/a/{c}": "/a/{c}", "/{c}/d": "/{c}/d", "/c/{b}": "/c/{b}", "/{a}": "/{a}",
            "/{a}/b": "/{a}/b",
        ]
        let (one, other) = (try #require(paths[one]), try #require(paths[other]))
        let (first, second) = (try #require(PathPattern(one)), try #require(PathPattern(other)))
        #expect(first.overlaps(second) == overlaps && second.overlaps(first) == overlaps)
    }

    @Test(arguments: RouteTable.standard.routes)
    func `without credentials the access rule decides`(_ route: Route) throws {
        let world = try World(data: MemorySessionData()) { $0.sessionList = SessionListSettings() }
        let method = (route.methods ?? [.get])[0]
        var ask = Ask(method.rawValue, "\(route.path)", role: route.listener)
        if method == .post { ask = route.endpoint.content == .json ? ask.json("{}") : ask.form("") }
        let answer = world.send(ask)
        switch route.endpoint.access {
        case .anyone, .pageFile: #expect(!["client_invalid", "token_missing", "not_found"].contains(answer.code))
        case .client: #expect(answer.code == "client_invalid")
        case .bearer, .browser: #expect(answer.code == "token_missing")
        case .page: #expect(answer.code == nil && answer.status < 500)
        case .operatorSocket:
            #expect(answer.code == "not_found")
            #expect(world.send(ask.from(.local)).code != "not_found")
        }
    }

    @Test func `over TCP an upload for the operator's socket is refused by its head alone`() throws {
        let world = try World()
        for (peer, isAdmitted) in [(PeerAddress.local, true), (.ipv4(0xc000_0201), false)] {
            var response = Response()
            let ask = Ask("POST", "/admin/revocations", role: .operator).with("Content-Type", "application/json")
            #expect(world.application.admits(ask.from(peer).laidOut(), &response) == isAdmitted)
            #expect(isAdmitted || response.status == 404 && response.closesConnection)
        }
    }

    @Test func `the token endpoint has its grants in a table, and the metadata list them`() throws {
        let metadata = try World().send(Ask("GET", "/.well-known/oauth-authorization-server"))
        #expect(metadata.json["grant_types_supported"] as? [String] == GrantType.allCases.map(\.rawValue))
        #expect(Grant.table.map(\.type) == GrantType.allCases)
    }
}
