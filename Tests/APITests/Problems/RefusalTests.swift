import API
import Foundation
import HTTP
import Testing

@Suite("Every refusal: I2, I3, I4, J4, J5, L9, L11, L12, L13")
struct RefusalTests {
    @Test(arguments: Refusal.all)
    func `says its code, its status, and nothing of the inside`(_ refusal: Refusal) throws {
        let world = try refusal.world()
        let answer = try refusal.act(world)
        #expect(answer.code == refusal.code.rawValue)
        let isGrant = refusal.endpoint == .token && refusal.code.status == 401 && refusal.code != .clientInvalid
        let isPosition = refusal.endpoint == .revocations && refusal.code == .sequenceUnknown
        #expect(answer.status == (isGrant ? 400 : isPosition ? 409 : refusal.code.status))
        #expect(answer.number("status") == Int64(answer.status))
        #expect(answer.string("type") == "urn:martlet:problem:\(refusal.code.rawValue)")
        #expect(answer.string("title") == "\(refusal.code.title)")
        #expect(answer["content-type"] == "application/problem+json")
        #expect(answer["cache-control"] == "no-store")
        expectChallenge(answer, refusal)
        #expect((answer["retry-after"] != nil) == [429, 503].contains(answer.status))
        if let wait = answer["retry-after"] { #expect((Int(wait) ?? 0) >= 1) }
        #expect(answer.string("error") == (refusal.endpoint.isOAuth ? "\(refusal.code.oauthError)" : nil))
        #expect((answer.string("error_description") != nil) == refusal.endpoint.isOAuth)
        let known: Set = [
            "type", "title", "status", "code", "detail", "reasons", "request_id", "error", "error_description",
        ]
        #expect(Set(answer.json.keys).isSubset(of: known))
    }

    @Test(arguments: Refusal.all)
    func `carries the request id of its log line, which holds no secret (M1, M2)`(_ refusal: Refusal) throws {
        let world = try refusal.world()
        let answer = try refusal.act(world)
        let lines = world.log.events("request_refused").filter {
            $0["request_id"] as? String == answer.string("request_id")
        }
        #expect(lines.count == 1)
        #expect(lines.first?["code"] as? String == refusal.code.rawValue)
        #expect(lines.first?["status"] as? Int == Int(answer.status))
        #expect(lines.first?["path"] as? String == "\(refusal.endpoint.path)")
        for line in world.log.all { expectNoSecret(line) }
    }

    @Test(arguments: RouteTable.standard.routes.filter { !$0.codes.isEmpty })
    func `what an endpoint documents is what it answers with`(_ endpoint: Route) {
        let tried = Set(Refusal.all.filter { $0.endpoint == endpoint }.map(\.code))
        let documented = Set(endpoint.codes)
        #expect(documented.subtracting(tried).isEmpty, "documented, and nothing here brings it about")
        #expect(tried.subtracting(documented).isEmpty, "brought about, and not documented")
    }

    @Test(arguments: RequestError.allCases)
    func `a message that could not be read gets its status and a code`(_ fault: RequestError) throws {
        let world = try World()
        let answer = world.refuse(fault)
        #expect(answer.status == fault.status && answer.number("status") == Int64(fault.status))
        let code = try #require(ProblemCode.allCases.first { $0.rawValue == answer.code })
        #expect(code.status == fault.status && ProblemCode.everywhere.contains(code))
        #expect(answer["cache-control"] == "no-store" && answer["content-type"] == "application/problem+json")
        #expect((answer["retry-after"] != nil) == (fault.status == 503))
    }

    @Test func `a fault of our own is a plain 500 and the process goes on (L13)`() throws {
        let world = try World()
        // More than a token may hold.
        let roles = (100..<140).map { String(repeating: "r", count: 100) + "\($0)" }
        world.authState.users.replace(with: try World.users().changing("alice") { $0.roles = roles })
        let answer = world.send(World.login())
        #expect(answer.status == 500 && answer.code == "internal")
        #expect(answer.string("error") == "server_error" && answer.json["detail"] == nil)
        #expect(world.log.events("request_refused").first?["reason"] != nil)
        #expect(world.send(Ask("GET", "/healthz")).status == 200)
    }

    private func expectChallenge(_ answer: Answer, _ refusal: Refusal) {
        let challenge = answer["www-authenticate"]
        switch (answer.status, refusal.code) {
        case (401, .clientInvalid):
            #expect(challenge == "Basic realm=\"martlet\", charset=\"UTF-8\"")
        case (401, .tokenMissing), (401, .invalidCredentials):
            #expect(challenge == "Bearer realm=\"martlet\"")
        case (401, .authTooOld):
            let error = "error=\"insufficient_user_authentication\", error_description=\"\(refusal.code.title)\""
            #expect(challenge?.hasPrefix("Bearer realm=\"martlet\", \(error), max_age=\"") == true)
        case (401, _):
            #expect(challenge?.hasPrefix("Bearer realm=\"martlet\", error=\"invalid_token\"") == true)
        case (403, .scopeInsufficient):
            let scope =
                switch refusal.endpoint {
                case .auth: "read write"
                case .revocations, .snapshot: "revocations:read"
                default: "write"
                }
            #expect(challenge == "Bearer realm=\"martlet\", error=\"insufficient_scope\", scope=\"\(scope)\"")
        default:
            #expect(answer.fields.allSatisfy { $0.name != "www-authenticate" })
        }
    }

    private func expectNoSecret(_ line: String) {
        #expect(!line.contains(World.password) && !line.contains(World.secret) && !line.contains(World.hash))
        #expect(line.firstRange(of: /eyJ[\w-]+\.[\w-]+/) == nil, "a token in a log line")
        #expect(!line.contains("Basic ") && !line.contains("Bearer "))
        #expect(line.hasSuffix("\n") && line.dropLast().allSatisfy { $0.isASCII ? $0 >= " " : true })
    }
}
