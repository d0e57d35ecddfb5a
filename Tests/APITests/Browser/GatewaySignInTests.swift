import API
import Foundation
import HTTP
import Testing

@Suite("/auth: sign-in, preflight, bearer and subprotocol")
struct GatewaySignInTests {
    typealias Fields = [(String, String)]

    let world: World
    let jar: Jar

    init() throws {
        world = try World()
        jar = world.jar()
    }

    private static let navigation: Fields = [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    private static let forwarded: Fields = [
        ("X-Forwarded-Method", "GET"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "app.example"),
        ("X-Forwarded-Uri", "/x?a=b&c"),
    ]
    private static let original: Fields = [
        ("X-Original-Method", "GET"), ("X-Original-URL", "https://app.example/x?a=b&c"),
    ]
    private static let location = "https://app.example/refresh?return=/x%3Fa%3Db%26c"

    private func auth(
        _ query: String, _ fields: Fields, cookies: [String] = [], relayed: Bool = true, _ method: String = "GET"
    ) -> Answer {
        var ask = fields.reduce(Ask(method, "/auth?\(query)")) { $0.with($1.0, $1.1) }
        if !cookies.isEmpty { ask = ask.cookies(cookies) }
        ask.isRelayed = relayed
        return world.send(ask)
    }

    /// Whether the answer is a plain 401 that leads nowhere.
    private func isPlain(_ answer: Answer) -> Bool {
        answer.status == 401 && answer["location"] == nil && answer["x-auth-redirect"] == nil
            && answer["cache-control"] == "no-store" && Jar(answer).lines.isEmpty
    }

    @Test func `a navigation without a session is sent to the refresh, by each gateway in its way`() {
        for (query, fields, method) in [
            ("via=forwarded&signin=redirect", Self.forwarded, "GET"),
            ("via=forwarded&signin=redirect", Self.forwarded, "POST"),
            ("via=original&signin=redirect", Self.original, "GET"),
            ("via=request&signin=redirect", [("Host", "app.example"), ("X-Forwarded-Uri", "/x?a=b&c")], "GET"),
        ] {
            let answer = auth(query, fields + Self.navigation, method)
            #expect(answer.status == 302 && answer["location"] == Self.location, "\(query)")
            #expect(answer["cache-control"] == "no-store" && answer.body.isEmpty && Jar(answer).lines.isEmpty)
            #expect(answer["www-authenticate"] == nil && answer["x-auth-user"] == nil)
            let field = auth(query.replacing("redirect", with: "field"), fields + Self.navigation, method)
            #expect(field.status == 401 && field["x-auth-redirect"] == Self.location && field["location"] == nil)
            #expect(field.code == "token_missing" && field["www-authenticate"] != nil)
            #expect(isPlain(auth(query.replacing("&signin=redirect", with: ""), fields + Self.navigation, method)))
        }
        let bare = auth("via=request&signin=redirect", [("Host", "app.example")] + Self.navigation)
        #expect(bare["location"] == "https://app.example/refresh?return=/")
    }

    @Test func `an expired, revoked, malformed or repeated access cookie is no session`() {
        let query = "via=forwarded&signin=redirect"
        for cookies in [[jar.access + "x"], [jar.access, jar.access], ["__Host-Http-martlet-access=a,b"]] {
            #expect(auth(query, Self.forwarded + Self.navigation, cookies: cookies)["location"] == Self.location)
        }
        #expect(auth(query, Self.forwarded + Self.navigation, cookies: jar.atRoot).status == 200)
        world.clock.advance(600)
        #expect(auth(query, Self.forwarded + Self.navigation, cookies: jar.atRoot)["location"] == Self.location)
        let next = world.jar()
        #expect(world.order("{\"sid\":\"\(next.value("session").prefix(36))\"}").status == 200)
        #expect(auth(query, Self.forwarded + Self.navigation, cookies: next.atRoot)["location"] == Self.location)
    }

    @Test(arguments: ["audience=billing", "subject=x", "client_id=x", "issuer=x", "required_claims=x"])
    func `a valid token that does not meet a condition is sent nowhere: it would come back`(_ condition: String) {
        let answer = auth(
            "via=forwarded&signin=redirect&\(condition)", Self.forwarded + Self.navigation, cookies: jar.atRoot)
        #expect(isPlain(answer))
    }

    @Test func `a lack of rights is 403, and a request of another site is 403`() {
        let query = "via=forwarded&signin=redirect"
        #expect(auth(query + "&scope=fly", Self.forwarded + Self.navigation, cookies: jar.atRoot).status == 403)
        let post = [("X-Forwarded-Method", "POST")] + Self.forwarded.dropFirst() + Self.navigation
        #expect(auth(query, post + [("Sec-Fetch-Site", "cross-site")], cookies: jar.atRoot).status == 403)
        // The refresh cookie is not for applications, and no sign-in changes that.
        #expect(isPlain(auth(query, Self.forwarded + Self.navigation, cookies: jar.atRefresh)))
    }

    @Test func `a login that is too old asks for the password, with the challenge of RFC 9470`() {
        world.clock.advance(100)
        for query in ["via=forwarded&signin=redirect&max_age=99", "max_age=99&via=forwarded&signin=field"] {
            let answer = auth(query, Self.forwarded + Self.navigation, cookies: jar.atRoot)
            let location = answer["location"] ?? answer["x-auth-redirect"]
            #expect(location == "https://app.example/signin?return=/x%3Fa%3Db%26c&max_age=99")
        }
        let fetched = auth("via=forwarded&max_age=99&signin=redirect", Self.forwarded, cookies: jar.atRoot)
        #expect(isPlain(fetched) && fetched.code == "auth_too_old")
        let challenge = """
            Bearer realm="martlet", error="insufficient_user_authentication", \
            error_description="The login is older than allowed.", max_age="99"
            """
        #expect(fetched["www-authenticate"] == challenge)
        #expect(
            world.send(Ask("GET", "/verify?max_age=99").bearer(jar.value("access")))["www-authenticate"] == challenge)
        #expect(auth("via=forwarded&max_age=100&signin=field", Self.forwarded, cookies: jar.atRoot).status == 200)
    }

    @Test(arguments: [
        [("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")],
        [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Accept", "text/html")],
        [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")], [("Accept", "text/event-stream")],
        navigation + [("Sec-Purpose", "prefetch")], navigation + [("Sec-WebSocket-Key", "x")], [("Accept", "*/*")],
        [("Sec-Fetch-Mode", "websocket"), ("Sec-Fetch-Dest", "websocket"), ("Sec-WebSocket-Key", "x")],
        navigation + [("Authorization", "Bearer x")], navigation + [("Authorization", "Basic eDp5")],
    ])
    func `whatever is no navigation gets 401`(_ fields: Fields) {
        for signIn in ["redirect", "field"] {
            #expect(isPlain(auth("via=forwarded&signin=\(signIn)", Self.forwarded + fields)))
        }
    }

    @Test func `an old browser navigates with GET and text html`() {
        let html: Fields = [("Accept", "text/html, */*;q=0.1")]
        #expect(auth("via=forwarded&signin=redirect", Self.forwarded + html)["location"] == Self.location)
        for method in ["POST", "HEAD", "get", "OPTIONS"] {
            let fields = [("X-Forwarded-Method", method)] + Self.forwarded.dropFirst() + html
            #expect(isPlain(auth("via=forwarded&signin=redirect", fields)))
        }
    }

    @Test(arguments: [
        ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Host", "app.example, evil.example"),
        ("X-Forwarded-Host", "app.example:443"), ("X-Forwarded-Host", "APP.example"), ("X-Forwarded-Host", ""),
        ("X-Forwarded-Host", "app.example/x"), ("X-Forwarded-Host", "evil.example/app.example"),
        ("X-Forwarded-Host", "u@app.example"), ("X-Forwarded-Host", "app.example\u{0}"),
        ("X-Forwarded-Host", "app.example#"), ("X-Forwarded-Host", "app.example.evil.example"),
        ("X-Forwarded-Proto", "http"), ("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Proto", "HTTPS"),
        ("X-Forwarded-Proto", "javascript"), ("X-Forwarded-Proto", "wss"),
    ])
    func `an origin that is not in the list gets a plain 401`(_ name: String, _ value: String) {
        let fields = Self.forwarded.map { $0.0 == name ? (name, value) : $0 }
        for signIn in ["redirect", "field"] {
            #expect(isPlain(auth("via=forwarded&signin=\(signIn)", fields + Self.navigation)))
        }
        let url = value.contains("://") ? value : "https://\(value)/x"
        if name == "X-Forwarded-Host" {
            let original = [Self.original[0], ("X-Original-URL", url)] + Self.navigation
            let answer = auth("via=original&signin=redirect", original)
            #expect(value.hasPrefix("app.example/") || isPlain(answer), "\(value)")
            #expect(isPlain(auth("via=request&signin=redirect", [("Host", value)] + Self.navigation)))
        }
    }

    @Test func `what is missing, repeated, of the other family or of an untrusted peer leads nowhere`() {
        for index in Self.forwarded.indices {
            var fields = Self.forwarded
            let field = fields.remove(at: index)
            #expect(isPlain(auth("via=forwarded&signin=redirect", fields + Self.navigation)))
            #expect(isPlain(auth("via=forwarded&signin=redirect", Self.forwarded + [field] + Self.navigation)))
        }
        #expect(isPlain(auth("via=original&signin=redirect", Self.forwarded + Self.navigation)))
        #expect(isPlain(auth("via=forwarded&signin=redirect", Self.original + Self.navigation)))
        #expect(isPlain(auth("signin=redirect", Self.forwarded + Self.original + Self.navigation)))
        #expect(world.log.events("gateway_field_missing").count == 1)
        #expect(isPlain(auth("via=forwarded&signin=redirect", Self.forwarded + Self.navigation, relayed: false)))
        let host: Fields = [("Host", "app.example")] + Self.navigation
        #expect(isPlain(auth("via=request&signin=redirect", host, relayed: false)))
        #expect(isPlain(auth("via=request&signin=redirect", host + [("Host", "app.example")])))
        let mixed = Self.forwarded + [("X-Original-URL", "https://evil.example/")] + Self.navigation
        #expect(auth("via=forwarded&signin=redirect", mixed)["location"] == Self.location)
    }

    @Test(arguments: ["//evil.example", "/\\evil.example", "/%2fevil.example", "x", "/a\tb", "https://evil.example/"])
    func `a hostile path is not where the browser comes back to`(_ path: String) {
        let fields = Self.forwarded.dropLast() + [("X-Forwarded-Uri", path)] + Self.navigation
        #expect(auth("via=forwarded&signin=redirect", fields)["location"] == "https://app.example/refresh?return=/")
    }

    @Test func `a preflight passes with an empty identity, only where the gateway asks for it`() {
        let preflight: Fields = [("Access-Control-Request-Method", "PUT"), ("Origin", "https://other.example")]
        let fields = [("X-Forwarded-Method", "OPTIONS")] + Self.forwarded.dropFirst() + preflight
        let answer = auth("via=forwarded&preflight=pass&bearer=yes", fields)
        #expect(
            answer.status == 200 && answer["cache-control"] == "no-store" && answer["authorization"]?.isEmpty == true)
        #expect(AuthTests.identity.allSatisfy { answer[$0]?.isEmpty == true })
        #expect(auth("via=request&preflight=pass", preflight, "OPTIONS").status == 200)
        #expect(
            auth(
                "via=original&preflight=pass",
                preflight + [
                    ("X-Original-Method", "OPTIONS"), ("X-Original-URL", "https://app.example/"),
                ]
            ).status == 200)
        #expect(auth("via=forwarded", fields).status == 401)
        #expect(auth("preflight=pass", fields, "OPTIONS").status == 401)
        #expect(auth("via=forwarded&preflight=pass", fields, relayed: false).status == 401)
        #expect(auth("via=forwarded&preflight=pass", Self.forwarded + preflight, "OPTIONS").status == 401)
        #expect(auth("via=request&preflight=pass", [preflight[0]], "OPTIONS").status == 401)
        #expect(auth("via=request&preflight=pass", [preflight[1]], "OPTIONS").status == 401)
        #expect(auth("via=request&preflight=pass", preflight + [preflight[0]], "OPTIONS").status == 401)
        #expect(
            auth("via=request&preflight=pass", preflight + [("Authorization", "Bearer x")], "OPTIONS").status == 401)
        for method in ["GET", "POST", "PUT", "HEAD"] {
            #expect(auth("via=request&preflight=pass", preflight, method).status == 401)
        }
    }

    @Test func `bearer hands out the token that was verified`() {
        let byCookie = auth("via=request&bearer=yes", [], cookies: jar.atRoot)
        #expect(byCookie["authorization"] == "Bearer \(jar.value("access"))")
        let token = world.pair("bob").access
        let byField = auth("bearer=yes", [("Authorization", "bearer   \(token)")], cookies: jar.atRoot)
        #expect(byField["authorization"] == "Bearer \(token)" && byField["x-auth-user"] == "bob")
        #expect(auth("via=request", [], cookies: jar.atRoot)["authorization"] == nil)
        let refused = auth("bearer=yes", [("Authorization", "Bearer x")])
        #expect(refused.status == 401 && refused["authorization"] == nil)
    }

    @Test func `a handshake may offer its token as a subprotocol`() {
        let token = world.pair("bob").access
        let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        func offer(_ lists: [String], _ more: Fields = [], _ query: String = "subprotocol=yes", cookies: [String] = [])
            -> Answer
        {
            auth(
                query,
                [key, ("Origin", "https://other.example")] + lists.map { ("Sec-WebSocket-Protocol", $0) } + more,
                cookies: cookies)
        }
        for lists in [
            ["chat, martlet.bearer.\(token)"], ["martlet.bearer.\(token)"], ["chat", " martlet.bearer.\(token) "],
            ["martlet.bearer.\(token) ,\tchat"], ["a,,martlet.bearer.\(token),"],
        ] {
            #expect(offer(lists)["x-auth-user"] == "bob", "\(lists)")
        }
        for lists in [
            ["martlet.bearer.\(token), martlet.bearer.\(token)"], ["martlet.bearer.\(token)", "martlet.bearer.x"],
            ["martlet.bearer."], ["martlet.bearer.x"], ["Martlet.Bearer.\(token)"], ["chat"], [],
            ["xmartlet.bearer.\(token)"], ["martlet.bearer.\(token).x"],
        ] {
            #expect(offer(lists).status == 401, "\(lists)")
        }
        let list = ["chat, martlet.bearer.\(token)"]
        #expect(offer(list, [], "via=request").status == 401)
        #expect(auth("subprotocol=yes", [("Sec-WebSocket-Protocol", list[0])]).status == 401)
        // A field or a cookie decides, as if the list were not there.
        #expect(offer(list, [("Authorization", "Bearer x")]).status == 401)
        #expect(offer(list, [("Authorization", "Bearer \(world.pair().access)")])["x-auth-user"] == "alice")
        #expect(offer(list, [], "via=request&subprotocol=yes", cookies: jar.atRoot).code == "origin_not_allowed")
        #expect(offer(list, [], "via=request&subprotocol=yes", cookies: [jar.access, jar.access]).status == 401)
        #expect(world.log.all.allSatisfy { !$0.contains(token.suffix(20)) })
    }

    @Test(arguments: [
        "signin=", "signin=yes", "signin=Redirect", "signin=redirect&signin=redirect", "signin=redirect&signin=field",
        "preflight=yes", "preflight=", "bearer=pass", "bearer=no", "subprotocol=1", "bearer=yes&bearer=yes",
        "Signin=field",
    ])
    func `a parameter that is not understood admits nobody, and the log names it`(_ query: String) {
        let answer = auth(query, [("Authorization", "Bearer \(jar.value("access"))")])
        #expect(answer.status == 403 && answer.code == "condition_invalid")
        let name = String(query.prefix { $0 != "=" })
        #expect(answer.string("detail")?.contains(name) == true)
        let reason = world.log.events("auth_condition_invalid").last?["reason"] as? String
        #expect(reason?.contains(name) == true)
    }

    @Test func `without browser mode none of this exists`() throws {
        let world = try World(browser: nil)
        for query in ["signin=redirect", "preflight=pass", "bearer=yes", "subprotocol=yes", "via=request"] {
            let answer = world.send(Ask("GET", "/auth?\(query)").bearer(world.pair().access))
            #expect(answer.code == "condition_invalid")
        }
    }
}
