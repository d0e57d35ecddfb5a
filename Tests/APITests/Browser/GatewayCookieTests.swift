import API
import Foundation
import HTTP
import Testing

@Suite("/auth by cookie")
struct GatewayCookieTests {
    let world: World
    let jar: Jar

    init() throws {
        world = try World()
        jar = world.jar()
    }

    private func auth(
        _ query: String, _ fields: [(String, String)] = [], relayed: Bool = true, _ method: String = "GET"
    )
        -> Answer
    {
        var ask = fields.reduce(Ask(method, "/auth\(query)").cookies(jar.atRoot)) { $0.with($1.0, $1.1) }
        ask.isRelayed = relayed
        return world.send(ask)
    }

    private static let forwarded = [
        ("X-Forwarded-Method", "GET"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "app.example"),
        ("X-Forwarded-Uri", "/x"),
    ]
    private static let original = [("X-Original-Method", "GET"), ("X-Original-URL", "https://app.example/x")]

    @Test func `the identity of a cookie is that of its token, and no cookie is ever set`() {
        let byCookie = auth("?via=request")
        let byBearer = world.send(Ask("GET", "/auth").bearer(jar.value("access")))
        #expect(byCookie.status == 200 && byCookie.fields.map(\.value) == byBearer.fields.map(\.value))
        #expect(byCookie["x-auth-user"] == "alice" && byCookie["cache-control"] == "no-store")
        world.clock.advance(600)
        for answer in [byCookie, auth("?via=request"), auth("?via=request", [("Cookie", jar.access)]), auth("")] {
            #expect(Jar(answer).lines.isEmpty)
        }
        #expect(auth("?via=request").code == "token_expired")
    }

    @Test func `the conditions apply as to a bearer token`() {
        #expect(auth("?via=request&scope=read&role=admin&aud=api").status == 200)
        #expect(auth("?via=request&scope=fly").code == "scope_insufficient")
        #expect(auth("?via=request&aud=billing").code == "audience_mismatch")
        world.clock.advance(11)
        #expect(auth("?via=request&max_age=10").code == "auth_too_old")
    }

    @Test func `an Authorization field decides alone: J3`() {
        for value in ["Bearer x", "Basic YTpi", "Bearer", ""] {
            #expect(auth("?via=request", [("Authorization", value)]).status == 401, "\(value)")
        }
        let ask = Ask("POST", "/auth").cookies([jar.access, jar.access]).bearer(world.pair("bob").access)
        #expect(world.send(ask.with("Sec-Fetch-Site", "cross-site"))["x-auth-user"] == "bob")
    }

    @Test func `a request that carries the refresh cookie is 401, so that no application receives it`() {
        let ask = Ask("GET", "/auth?via=request").sameOrigin
        #expect(world.send(ask.cookies(jar.atRoot)).status == 200)
        let answer = world.send(ask.cookies(jar.atRoot + [jar.refresh]))
        #expect(answer.status == 401 && answer.code == "token_malformed" && Jar(answer).lines.isEmpty)
    }

    @Test func `two access cookies and a malformed one are 401`() {
        let twice = world.send(Ask("GET", "/auth?via=request").cookies([jar.access, jar.access]))
        #expect(twice.status == 401 && twice.code == "token_malformed" && Jar(twice).lines.isEmpty)
        let sessions = world.send(Ask("GET", "/auth?via=request").cookies(jar.atRoot + [jar.session]))
        #expect(sessions.status == 401 && sessions.code == "token_malformed" && Jar(sessions).lines.isEmpty)
        let quoted = world.send(Ask("GET", "/auth?via=request").cookies(["__Host-Http-martlet-access=\"x\""]))
        #expect(quoted.status == 401 && quoted.code == "token_malformed")
        let many = (0..<200).map { "c\($0)=1" }
        #expect(world.send(Ask("GET", "/auth?via=request").cookies(many + [jar.access])).status == 401)
        let odd = ["\"", "a=\"b,c\"", "$Version=1", "x", "=", "a\u{1}=b"]
        #expect(world.send(Ask("GET", "/auth?via=request").cookies(odd + [jar.access])).status == 200)
        #expect(world.send(Ask("GET", "/auth?via=request").cookies(odd)).code == "token_missing")
    }

    @Test func `each gateway reports the method in its own way`() {
        #expect(auth("?via=forwarded", Self.forwarded, "POST").status == 200)
        #expect(auth("?via=original", Self.original, "POST").status == 200)
        #expect(auth("?via=request", [], "HEAD").status == 200)
        #expect(auth("?via=request", Self.forwarded + Self.original, "POST").code == "csrf_failed")
        // The other family may be the client's.
        #expect(auth("?via=forwarded", Self.original).code == "csrf_failed")
        #expect(auth("?via=original", Self.forwarded).code == "csrf_failed")
        #expect(auth("?via=original", Self.original + [("X-Forwarded-Method", "POST")]).status == 200)
        // Whatever the method is, a request from the page itself passes.
        #expect(auth("", [("Sec-Fetch-Site", "same-origin")], "POST").status == 200)
        #expect(auth("", [("Origin", World.app)], "POST").status == 200)
    }

    @Test(arguments: ["get", "", "GET, POST", "POST", "GET ", "G\u{0}ET", "OPTIONS", "TRACE"])
    func `a method that is not GET or HEAD is unsafe`(_ method: String) {
        let forwarded = [("X-Forwarded-Method", method)] + Self.forwarded.dropFirst()
        #expect(auth("?via=forwarded", forwarded).code == "csrf_failed")
        #expect(auth("?via=original", [("X-Original-Method", method), Self.original[1]]).code == "csrf_failed")
    }

    @Test func `a field that is missing or sent twice makes the request unsafe, as does an untrusted peer`() {
        for index in Self.forwarded.indices {
            var fields = Self.forwarded
            let field = fields.remove(at: index)
            #expect(auth("?via=forwarded", fields).code == "csrf_failed")
            #expect(auth("?via=forwarded", Self.forwarded + [field]).code == "csrf_failed")
        }
        #expect(auth("?via=original", [Self.original[0]]).code == "csrf_failed")
        #expect(auth("?via=original", [Self.original[1]]).code == "csrf_failed")
        #expect(auth("?via=forwarded", Self.forwarded, relayed: false).code == "csrf_failed")
        #expect(auth("").code == "csrf_failed")
    }

    @Test func `one line a minute says which field the gateway lacks`() {
        for _ in 0..<3 { #expect(auth("?via=forwarded", [Self.forwarded[0]]).status == 403) }
        let lines = world.log.events("gateway_field_missing")
        #expect(lines.count == 1 && lines[0]["field"] as? String == "x-forwarded-proto")
        world.clock.advance(61)
        _ = auth("")
        #expect(world.log.events("gateway_field_missing").last?["field"] as? String == "via")
        #expect(world.log.events("gateway_field_missing").last?["count"] as? Int == 3)
        world.clock.advance(61)
        _ = auth("?via=original", Self.original, relayed: false)
        let field = world.log.events("gateway_field_missing").last?["field"] as? String
        #expect(field == "MARTLET_TRUSTED_PROXIES")
        // A bearer token needs no report.
        world.clock.advance(61)
        let count = world.log.events("gateway_field_missing").count
        #expect(world.send(Ask("POST", "/auth").bearer(world.pair().access)).status == 200)
        #expect(world.log.events("gateway_field_missing").count == count)
    }

    @Test func `a handshake is never safe by its method`() {
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(auth("?via=request", [key]).code == "csrf_failed")
        #expect(auth("?via=request", [key, ("Origin", "https://x.app.example")]).code == "origin_not_allowed")
        #expect(auth("?via=request", [key, ("Origin", World.app)]).status == 200)
        #expect(auth("?via=request", [key, ("Sec-Fetch-Site", "same-site")]).code == "csrf_failed")
    }

    @Test(arguments: [
        "?via=", "?via=x", "?via=Forwarded", "?via=request&via=request", "?via=request&via=", "?Via=request",
    ])
    func `a gateway that misspells via is refused`(_ query: String) {
        #expect(auth(query).code == "condition_invalid")
        #expect(world.send(Ask("GET", "/auth\(query)").bearer(jar.value("access"))).code == "condition_invalid")
    }
}
