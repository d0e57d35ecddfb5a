import API
import HTTP
import Testing

@Suite("Paths and methods: L7, L8, M5")
struct MethodTests {
    static let paths = RouteTable.standard.routes.filter { $0.methods != nil }

    let world: World

    init() throws { world = try World() }

    private func ask(_ method: String, _ endpoint: Route) -> Answer {
        world.send(Ask(method, "\(endpoint.path)", role: endpoint.listener).from(.local))
    }

    @Test(arguments: paths)
    func `OPTIONS is 204 and names every method`(_ endpoint: Route) throws {
        let answer = ask("OPTIONS", endpoint)
        let methods = try #require(endpoint.methods).map(\.rawValue) + ["OPTIONS"]
        #expect(answer.status == 204 && answer.body.isEmpty && answer["allow"] == methods.joined(separator: ", "))
        #expect(methods.contains("GET") == methods.contains("HEAD"))
    }

    @Test(arguments: paths)
    func `a wrong method is 405 with Allow, an unknown one 501`(_ endpoint: Route) throws {
        let methods = try #require(endpoint.methods)
        for method in Method.allCases where !methods.contains(method) && method != .options && method != .other {
            let answer = ask(method.rawValue, endpoint)
            #expect(answer.status == 405 && answer.says("method_not_allowed", endpoint), "\(method)")
            #expect(answer["allow"] == ask("OPTIONS", endpoint)["allow"])
        }
        for unknown in ["BREW", "get", "POST2"] {
            let answer = ask(unknown, endpoint)
            #expect(answer.status == 501 && answer.says("method_unknown", endpoint))
        }
    }

    @Test(arguments: [
        "/", "/verify/", "//verify", "/Verify", "/verify%2F", "/%76erify", "/login/x", "/.well-known", "/verif", "*",
        "/v1/verify",
    ])
    func `any other path is 404, or 501 for an unknown method`(_ path: String) {
        for role in [Request.Role.service, .operator] {
            let answer = world.send(Ask("GET", path, role: role))
            #expect(answer.status == 404 && answer.code == "not_found" && answer["cache-control"] == "no-store")
            #expect(!answer.text.contains(path.count > 4 ? path : "never"))
            #expect(world.send(Ask("BREW", path, role: role)).status == 501)
        }
    }

    @Test(arguments: RouteTable.standard.routes)
    func `a listener serves its own paths only (M5)`(_ endpoint: Route) {
        let other: Request.Role = endpoint.listener == .service ? .operator : .service
        for method in ["GET", "POST", "OPTIONS"] {
            #expect(world.send(Ask(method, "\(endpoint.path)", role: other).from(.local)).status == 404)
        }
    }
}
