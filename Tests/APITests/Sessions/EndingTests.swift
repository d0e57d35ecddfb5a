import Testing

@Suite("POST /logout")
struct LogoutTests {
    let world: World

    init() throws { world = try World() }

    private func isAlive(_ pair: World.Pair) -> Bool { world.verify(pair.access).status == 200 }

    private func logout(_ pair: World.Pair, _ scope: String) -> Answer {
        world.send(Ask("POST", "/logout").bearer(pair.access).json("{\"scope\":\"\(scope)\"}"))
    }

    @Test func `ends this session at once, both tokens, and no other (G12)`() throws {
        let (one, two) = (world.pair(), world.pair())
        let answer = world.send(Ask("POST", "/logout").bearer(one.access))
        #expect(answer.status == 204 && answer.body.isEmpty && answer["cache-control"] == "no-store")
        #expect(try #require(answer.revocationSeq) > 0)
        #expect(!isAlive(one) && isAlive(two))
        #expect(world.refresh(one.refresh).code == "session_revoked")
        #expect(world.send(Ask("POST", "/logout").bearer(one.access)).code == "session_revoked")
    }

    @Test func `by the refresh token alone, in a form or JSON, even a spent one`() {
        let (one, two) = (world.pair(), world.pair())
        let next = World.Pair(world.refresh(one.refresh))
        #expect(world.send(Ask("POST", "/logout").form(["refresh_token": one.refresh])).status == 204)
        #expect(!isAlive(one) && !isAlive(next) && world.refresh(next.refresh).status == 401)
        #expect(world.send(Ask("POST", "/logout").json("{\"refresh_token\":\"\(two.refresh)\"}")).status == 204)
        #expect(!isAlive(two))
    }

    @Test func `both tokens of one session are fine`() {
        let pair = world.pair()
        #expect(
            world.send(Ask("POST", "/logout").bearer(pair.access).form(["refresh_token": pair.refresh])).status == 204)
        #expect(!isAlive(pair))
    }

    @Test(arguments: ["local", "others", "global"])
    func `a valid proof is enough, whatever is sent beside it`(_ scope: String) throws {
        let world = try World()
        let stale = world.pair()
        world.clock.advance(700)
        let revoked = world.pair()
        #expect(world.revoke(revoked.access).status == 200)
        let spoiled = [stale.access, revoked.access, "undefined", Forged.access(["aud": "\"shared\""])]
        for authorization in spoiled.map({ "Bearer \($0)" }) + ["Bearer", "Basic x", ""] {
            let pair = world.pair()
            let ask = Ask("POST", "/logout").with("Authorization", authorization)
                .form(["refresh_token": pair.refresh, "scope": scope])
            #expect(world.send(ask).status == 204, "\(authorization.prefix(12))")
            #expect((world.refresh(pair.refresh).status == 200) == (scope == "others"))
        }
        for refresh in ["undefined", "", "a.b.c"] {
            let pair = world.pair()
            let ask = Ask("POST", "/logout").bearer(pair.access).form(["refresh_token": refresh, "scope": scope])
            #expect(world.send(ask).status == 204, "\(refresh)")
            #expect((world.refresh(pair.refresh).status == 200) == (scope == "others"))
        }
        let neither = Ask("POST", "/logout").bearer("undefined").form(["refresh_token": "null", "scope": scope])
        #expect(world.send(neither).code == "refresh_invalid")
    }

    @Test(arguments: [
        ("scoop=global", "Unknown member: scoop."), ("scope=", "The member scope is empty."),
        ("scope=Global", "scope must be local, others or global."),
        ("scope=global&min_seq=1", "Unknown member: min_seq."),
        ("scope=local&scope=global", "The member scope was sent twice."),
    ])
    func `a word that is not understood ends nothing`(_ form: String, _ detail: String) {
        let pair = world.pair()
        let answer = world.send(Ask("POST", "/logout").bearer(pair.access).form(form))
        #expect(answer.status == 400 && answer.code == "request_malformed" && answer.string("detail") == detail)
        #expect(isAlive(pair))
    }

    @Test func `nor does one in JSON or in the query`() {
        let pair = world.pair()
        for json in ["{\"scope\":null}", "{\"scope\":\"\"}", "{\"scoop\":\"global\"}", "{\"scope\":[\"global\"]}"] {
            #expect(world.send(Ask("POST", "/logout").bearer(pair.access).json(json)).code == "request_malformed")
        }
        let answer = world.send(Ask("POST", "/logout?scope=global").bearer(pair.access))
        #expect(answer.string("detail") == "Send parameters in the content, not in the query: scope.")
        #expect(isAlive(pair))
    }

    @Test func `others: all but this one`() {
        let (one, two, three, other) = (world.pair(), world.pair(), world.pair(), world.pair("bob"))
        #expect(logout(two, "others").status == 204)
        #expect(!isAlive(one) && isAlive(two) && !isAlive(three) && isAlive(other))
        #expect(world.refresh(two.refresh).status == 200 && world.refresh(three.refresh).status == 401)
        #expect(isAlive(world.pair()))
    }

    @Test func `global: all of this subject, and a later login stands (G14)`() {
        let (one, two, other) = (world.pair(), world.pair(of: "shop"), world.pair("bob"))
        #expect(logout(one, "global").status == 204)
        #expect(!isAlive(one) && !isAlive(two) && isAlive(other))
        #expect(isAlive(world.pair()))
    }
}

@Suite("POST /revoke, RFC 7009")
struct RevokeTests {
    let world: World

    init() throws { world = try World() }

    @Test(arguments: ["", "access_token", "refresh_token", "nonsense"])
    func `finds the token whatever the hint says (H1)`(_ hint: String) throws {
        let (one, two) = (world.pair(), world.pair())
        for token in [one.access, two.refresh] {
            let answer = world.send(Ask("POST", "/revoke").form(["token": token, "token_type_hint": hint]))
            #expect(answer.status == 200 && answer.body.isEmpty && answer["cache-control"] == "no-store")
            #expect(try #require(answer.revocationSeq) > 0)
        }
        #expect(world.verify(one.access).code == "token_revoked" && world.verify(two.access).code == "session_revoked")
    }

    @Test func `an access token goes alone; a refresh token takes its session along (H4)`() {
        let (one, two) = (world.pair(), world.pair())
        #expect(world.revoke(one.access).status == 200)
        let next = World.Pair(world.refresh(one.refresh))
        #expect(world.verify(next.access).status == 200)
        #expect(world.revoke(two.refresh).status == 200)
        #expect(world.verify(two.access).status == 401 && world.refresh(two.refresh).status == 401)
    }

    @Test func `unknown, expired and revoked tokens are 200 (H2)`() {
        let pair = world.pair()
        #expect(world.revoke(pair.access).status == 200 && world.revoke(pair.access).status == 200)
        #expect(world.revoke(pair.refresh).status == 200 && world.revoke(pair.refresh).status == 200)
        world.clock.advance(91 * 86_400)
        for token in ["a", "a.b.c", pair.access, pair.refresh, Forged.access(key: World.refresh)] {
            #expect(world.revoke(token).status == 200)
        }
    }

    @Test func `a client's tokens are that client's to revoke (H3, I6)`() {
        let pair = world.pair(of: "shop")
        let ask = Ask("POST", "/revoke").form(["token": pair.access])
        #expect(world.send(ask).status == 401)
        #expect(world.send(ask.basic("secretive", World.encoded(World.secret))).status == 403)
        #expect(world.verify(pair.access).status == 200)
        #expect(world.send(ask.basic("shop", World.encoded(World.secret))).status == 200)
        #expect(world.verify(pair.access).code == "token_revoked")
        let form = Ask("POST", "/revoke").form(
            ["token": pair.refresh, "client_id": "shop", "client_secret": World.secret])
        #expect(world.send(form).status == 200 && world.refresh(pair.refresh).status == 401)
    }
}

@Suite("POST /introspect, RFC 7662")
struct IntrospectTests {
    let world: World

    init() throws { world = try World() }

    private func ask(_ token: String, _ client: String = "shop") -> Answer {
        world.send(
            Ask("POST", "/introspect").form(["token": token]).basic(World.encoded(client), World.encoded(World.secret)))
    }

    @Test func `an active access token says its claims and its user (H7, H11)`() {
        let answer = ask(world.pair().access)
        #expect(
            answer.status == 200 && answer["content-type"] == "application/json"
                && answer["cache-control"] == "no-store")
        #expect(answer.json["active"] as? Bool == true && answer.string("token_type") == "Bearer")
        #expect(answer.string("username") == "alice" && answer.string("sub") == "\(World.alice)")
        #expect(answer.number("exp") == world.clock.seconds + 600 && answer.number("iat") == world.clock.seconds)
        #expect(answer.string("scope") == "read write admin" && answer.string("client_id") == "first-party")
        #expect(answer.string("aud") == "api" && answer.string("iss") == World.issuer)
    }

    @Test func `a refresh token is shown to its own client only, while it is the newest (H10)`() {
        let pair = world.pair(of: "shop")
        let answer = ask(pair.refresh)
        #expect(
            answer.json["active"] as? Bool == true && answer.string("sid") == pair.sid
                && answer.string("username") == "alice")
        #expect(answer.json["token_type"] == nil && answer.string("client_id") == "shop")
        #expect(ask(pair.refresh, "secretive").text == "{\"active\":false}")
        let ask2 = Ask("POST", "/refresh").form(["refresh_token": pair.refresh])
        #expect(world.send(ask2.basic("shop", World.encoded(World.secret))).status == 200)
        #expect(ask(pair.refresh).text == "{\"active\":false}")
    }

    @Test func `everything else is inactive and nothing more (H8, H9, H10)`() throws {
        let revoked = world.pair()
        #expect(world.revoke(revoked.access).status == 200)
        let ended = world.pair(of: "shop")
        #expect(world.order("{\"sid\":\"\(ended.sid)\"}").status == 200)
        let gone = world.pair("bob")
        world.authState.users.replace(with: try world.authState.users.current.removing("bob"))
        let tokens = [
            "a", "a.b.c", Forged.access(key: World.refresh), Forged.access(["exp": "\(world.clock.seconds)"]),
            Forged.access(["nbf": "\(world.clock.seconds + 9)"]), Forged.access(["iss": "\"x\""]), world.pair().refresh,
            revoked.access, ended.access, ended.refresh, gone.access, gone.refresh,
        ]
        for token in tokens {
            let answer = ask(token)
            #expect(answer.status == 200 && answer.text == "{\"active\":false}")
        }
    }

    @Test func `a client sees its own tokens, and those for its audiences (H10)`() {
        let login = Ask("POST", "/login").form(["username": "alice", "password": World.password, "audience": "billing"])
        #expect(ask(World.Pair(world.send(login)).access, "bank&co=1").json["active"] as? Bool == true)
        #expect(ask(world.pair().access, "bank&co=1").text == "{\"active\":false}")
    }

    @Test func `says each member once, its own first, and leaves out claims of the same name`() throws {
        let token = Forged.access([
            "aud": "\"shared\"", "active": "false", "username": "\"root\"", "token_type": "\"mac\"", "Active": "false",
            "USERNAME": "\"root\"", "team": "{\"active\":false}", "note": "\"a\\u00e9\\n\"",
        ])
        let text = ask(token).text
        #expect(text.hasPrefix("{\"active\":true,\"username\":\"alice\",\"token_type\":\"Bearer\","))
        for name in ["active", "username", "token_type"] {
            #expect(text.lowercased().ranges(of: "\"\(name)\":").count == (name == "active" ? 2 : 1))
        }
        let json = ask(token).json
        #expect(
            json["active"] as? Bool == true && json["note"] as? String == "aé\n" && json["aud"] as? String == "shared")
        #expect((json["team"] as? [String: Any])?["active"] as? Bool == false)
        let nameless = ask(Forged.access(["aud": "\"shared\"", "sub": "\"root\"", "us\\u0065rname": "\"root\""]))
        #expect(nameless.json["active"] as? Bool == true && nameless.json["username"] == nil)
    }

    @Test func `no claim of a user can stand in for what introspection says`() throws {
        for name in ["active", "username", "token_type"] {
            let claims = Array("{\"\(name)\":\"x\"}".utf8)
            #expect(throws: (any Error).self) {
                try world.authState.users.current.changing("alice") { $0.claims = claims }
            }
        }
    }
}
