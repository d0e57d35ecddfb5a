import Encoding
import Foundation
import Testing

@Suite("POST /login")
struct LoginTests {
    let world: World

    init() throws { world = try World() }

    @Test func `answers a session: I1, I2, D10`() {
        let answer = world.send(World.login())
        #expect(
            answer.status == 200 && answer["content-type"] == "application/json"
                && answer["cache-control"] == "no-store")
        let members: Set = [
            "access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in", "session_id", "scope",
        ]
        #expect(Set(answer.json.keys) == members)
        #expect(answer.string("token_type") == "Bearer" && answer.string("scope") == "read write admin")
        #expect(answer.number("expires_in") == 600 && answer.number("refresh_expires_in") == 14 * 86_400)
        let pair = World.Pair(answer)
        #expect(pair.access.utf8.count < 4_096 && pair.refresh.utf8.count < 4_096)
        let claims = world.verify(pair.access).claims
        #expect(claims["exp"] as? Int64 == world.clock.seconds + 600 && claims["sid"] as? String == pair.sid)
        #expect(claims["iss"] as? String == World.issuer && claims["sub"] as? String == "\(World.alice)")
        #expect(claims["aud"] as? String == "api" && claims["client_id"] as? String == "first-party")
        #expect(claims["scope"] as? String == "read write admin" && claims["roles"] as? [String] == ["admin", "ops"])
        #expect(claims["iat"] as? Int64 == world.clock.seconds && claims["auth_time"] as? Int64 == world.clock.seconds)
        #expect(claims["amr"] as? [String] == ["pwd"] && claims["jti"] is String)
        #expect(claims["team"] as? String == "blue" && claims["badge"] == nil)
    }

    @Test func `takes JSON as well as a form, and the type's name in any case (L9)`() {
        let json = "{\"username\":\"alice\",\"password\":\"\(World.password)\"}"
        let types = ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
        for type in types { #expect(world.send(Ask("POST", "/login").content(json, type)).status == 200, "\(type)") }
        let form = "username=alice&password=correct+horse"
        #expect(world.send(Ask("POST", "/login").content(form, "application/x-www-form-urlencoded")).status == 200)
        for type in ["application/json; charset=utf-16", "text/plain", "application/jsonp", ""] {
            #expect(world.send(Ask("POST", "/login").content(json, type)).status == 415, "\(type)")
        }
        var nameless = Ask("POST", "/login")
        nameless.body = Array(json.utf8)
        #expect(world.send(nameless).status == 415)
        #expect(world.send(Ask("POST", "/login").json(json).with("Content-Type", "application/json")).status == 415)
    }

    @Test func `unknown user, wrong password, disabled account: one answer (F2)`() {
        let answers = [
            ("nobody", World.password), ("alice", "wrong"), ("mallory", World.password), ("mallory", "wrong"),
        ].map {
            world.send(World.login($0, password: $1))
        }
        let bodies = Set(answers.map { $0.text.replacing(/"request_id":"[0-9a-f]{20}"/, with: "") })
        #expect(bodies.count == 1 && Set(answers.map(\.status)) == [401])
        #expect(Set(answers.map { $0.fields.map { "\($0.name)=\($0.value)" } }).count == 1)
    }

    private func login(device: String) -> Ask {
        Ask("POST", "/login").form(["username": "alice", "password": World.password, "device": device])
    }

    @Test func `a device label is printable text of at most 40 bytes`() {
        for label in ["phone", String(repeating: "x", count: 40)] {
            #expect(world.send(login(device: label)).status == 200, "\(label)")
        }
        for label in [String(repeating: "x", count: 41), "a\u{7}b", "a\u{202E}b"] {
            let answer = world.send(login(device: label))
            #expect(answer.status == 400 && answer.string("detail")?.contains("member device") == true, "\(label)")
        }
    }

    @Test func `a login that names its device gets a device token, in a form and in JSON`() {
        let json = Ask("POST", "/login").json(
            "{\"username\":\"alice\",\"password\":\"\(World.password)\",\"device\":\"phone\"}")
        for ask in [login(device: "phone"), json] {
            let answer = world.send(ask)
            #expect(answer.status == 200 && answer.string("device_token")?.split(separator: ".").count == 3)
        }
        #expect(world.send(World.login()).string("device_token") == nil)
        for token in ["", "x", String(repeating: "x", count: 9_000)] {
            let ask = Ask("POST", "/login").form([
                "username": "alice", "password": World.password, "device_token": token,
            ])
            #expect(world.send(ask).status == 200)
        }
    }

    @Test func `takes nothing over from what the client sent (F13)`() {
        let first = world.pair()
        let again = World.Pair(
            world.send(
                Ask("POST", "/login").form(["username": "alice", "password": World.password, "state": first.sid])
                    .with("Cookie", "sid=\(first.sid)").bearer(first.access)))
        #expect(!again.sid.isEmpty && again.sid != first.sid && again.refresh != first.refresh)
        #expect(
            world.verify(again.access).claims["jti"] as? String != world.verify(first.access).claims["jti"] as? String)
        #expect(world.verify(first.access).status == 200)
    }

    @Test(arguments: [
        ("/login", "username=alice&password=correct+horse", "sid"),
        ("/login", "username=alice&password=correct+horse", "scopes"),
        ("/login", "username=alice&password=correct+horse", "max_seq"), ("/refresh", "refresh_token=", "scopes"),
        ("/refresh", "refresh_token=", "resources"),
    ])
    func `a member that is not understood is refused by its name, in a form and in JSON`(
        _ path: String, _ form: String, _ name: String
    ) {
        let refresh = path == "/refresh" ? world.pair().refresh : ""
        let answer = world.send(Ask("POST", path).form("\(form)\(refresh)&\(name)=x"))
        #expect(answer.code == "request_malformed" && answer.string("detail") == "Unknown member: \(name).")
        let json = path == "/refresh" ? "\"refresh_token\":\"\(refresh)\"" : "\"username\":\"alice\",\"password\":\"x\""
        let inJSON = world.send(Ask("POST", path).json("{\(json),\"\(name)\":null}"))
        #expect(inJSON.code == "request_malformed" && inJSON.string("detail") == "Unknown member: \(name).")
        let inQuery = world.send(Ask("POST", "\(path)?scope=read").form("\(form)\(refresh)"))
        #expect(inQuery.string("detail") == "Send parameters in the content, not in the query: scope.")
        if path == "/refresh" { #expect(world.refresh(refresh).status == 200) }
    }

    @Test func `what RFC 6749 defines is accepted, and OAuth routes ignore what they do not know`() {
        let extra = "&grant_type=password&response_type=token&redirect_uri=x&state=y&code=z&refresh_token="
        #expect(world.send(Ask("POST", "/login").form("username=alice&password=correct+horse" + extra)).status == 200)
        let pair = world.pair()
        let token = Ask("POST", "/token?x=y").form([
            "grant_type": "refresh_token", "refresh_token": pair.refresh, "nonce": "x", "min_seq": "1",
        ])
        #expect(world.send(token).status == 200)
        let client = (World.encoded("shop"), World.encoded(World.secret))
        for path in ["/introspect", "/revoke"] {
            let form = Ask("POST", path + "?x=y").form(["token": pair.access, "min_seq": "1", "audience": "elsewhere"])
            #expect(world.send(form.basic(client.0, client.1)).status == 200)
        }
    }

    @Test(arguments: ["/token", "/revoke", "/introspect", "/login"])
    func `a stale bearer token beside a client's good secret in the content does not count`(_ path: String) {
        let pair = world.pair(of: "shop")
        let ask = Ask("POST", path).form([
            "client_id": "shop", "client_secret": World.secret, "grant_type": "refresh_token",
            "refresh_token": pair.refresh, "token": pair.access, "username": "alice", "password": World.password,
        ])
        let login = Ask("POST", path).form([
            "client_id": "shop", "client_secret": World.secret, "username": "alice", "password": World.password,
        ])
        #expect(world.send((path == "/login" ? login : ask).bearer("undefined")).status == 200)
        let wrong = Ask("POST", path).form([
            "client_id": "shop", "client_secret": "wrong", "username": "alice", "password": World.password,
            "refresh_token": pair.refresh, "grant_type": "refresh_token",
        ])
        #expect(world.send(wrong.bearer(pair.access)).code == "client_invalid")
    }

    @Test func `a scope named twice is granted once`() {
        let form = Ask("POST", "/login").form(
            ["username": "alice", "password": World.password, "scope": "write read write"])
        #expect(world.send(form).string("scope") == "write read")
    }

    @Test func `scope narrows, audience chooses, and the audience chooses the algorithm`() {
        let answer = world.send(
            Ask("POST", "/login").form(
                ["username": "alice", "password": World.password, "scope": "write read", "audience": "shared"]))
        #expect(answer.string("scope") == "write read")
        let verified = world.verify(World.Pair(answer).access)
        #expect(verified.claims["scope"] as? String == "write read" && verified.claims["aud"] as? String == "shared")
        #expect(verified.string("alg") == "HS256" && verified.string("kid") == World.hs256.kid)
    }

    @Test func `a user without scopes gets a token without scope`() {
        let answer = world.send(World.login("Zoë %41 雪"))
        #expect(answer.status == 200 && answer.string("scope")?.isEmpty == true)
        #expect(world.verify(World.Pair(answer).access).claims["scope"] == nil)
    }

    @Test func `a client's login carries its name, and no more than its scopes`() {
        let bank = Ask("POST", "/login").form(
            ["username": "alice", "password": World.password, "audience": "billing"]
        ).basic(World.encoded("bank&co=1"), World.encoded(World.secret))
        let answer = world.send(bank)
        #expect(answer.status == 200 && answer.string("scope") == "read")
        let claims = world.verify(World.Pair(answer).access).claims
        #expect(claims["client_id"] as? String == "bank&co=1" && claims["aud"] as? String == "billing")
        #expect(world.verify(world.pair(of: "secretive").access).string("alg") == "HS256")
    }

    @Test func `Basic credentials are form-decoded; in the content they are read as the content is (I6)`() {
        #expect(world.send(World.login().basic("shop", World.encoded(World.secret))).status == 200)
        #expect(world.send(World.login().basic("shop", World.encoded(World.encoded(World.secret)))).status == 401)
        let form: KeyValuePairs = [
            "username": "alice", "password": World.password, "client_id": "shop", "client_secret": World.secret,
        ]
        let answer = world.send(Ask("POST", "/login").form(form))
        #expect(world.verify(World.Pair(answer).access).claims["client_id"] as? String == "shop")
        let twice = world.send(Ask("POST", "/login").form(form).basic("shop", World.encoded(World.secret)))
        #expect(twice.status == 400)
        #expect(world.send(Ask("POST", "/login").form("username=a&password=b&client_secret=c")).status == 400)
        for broken in ["Basic", "Basic !", "Basic " + Data("shop".utf8).base64EncodedString()] {
            #expect(world.send(World.login().with("Authorization", broken)).status == (broken == "Basic" ? 200 : 401))
        }
    }

    @Test(arguments: ["Basic ", "BASIC ", "bAsIc   "])
    func `the scheme Basic has any case, and spaces after it`(_ scheme: String) {
        let credentials = Data("shop:\(World.encoded(World.secret))".utf8).base64EncodedString()
        let answer = world.send(World.login().with("Authorization", scheme + credentials))
        #expect(world.verify(World.Pair(answer).access).claims["client_id"] as? String == "shop")
    }

    @Test(arguments: ["Basi", "Basic", "Basics ", "Basid ", "`asic "])
    func `another scheme is not client authentication`(_ scheme: String) {
        let credentials = Data("shop:wrong".utf8).base64EncodedString()
        #expect(world.send(World.login().with("Authorization", scheme + credentials)).status == 200)
    }

    @Test(arguments: ["%73hop", "s%68op", "shop&", "=shop", "sh%", "sh%4", "sh%zz", "sh\u{e9}p", "%FF", "+", "%"])
    func `an id is decoded as a form's value is`(_ id: String) {
        let credentials = Data("\(id):\(World.encoded(World.secret))".utf8).base64EncodedString()
        let answer = world.send(World.login().with("Authorization", "Basic " + credentials))
        #expect(answer.status == (id == "%73hop" || id == "s%68op" ? 200 : 401))
    }

    @Test(arguments: [
        "username=alice&username=alice&password=correct+horse", "username=alice&password=a&password=correct+horse",
        "username=alice&password=correct+horse&other=1&other=2",
    ])
    func `a repeated member is refused (I5)`(_ form: String) {
        #expect(world.send(Ask("POST", "/login").form(form)).code == "request_malformed")
    }

    @Test func `an empty member counts as absent (I5)`() {
        let form = "username=alice&password=correct+horse&scope=&audience=&mode=&client_id=&state=y"
        #expect(world.send(Ask("POST", "/login").form(form)).string("scope") == "read write admin")
    }

    @Test(arguments: [
        "", "{", "null", "[]", "\"alice\"", "{\"username\":\"alice\",\"password\":\"correct horse\"}x",
        "{\"username\":\"alice\",\"password\":\"wrong\",\"password\":\"correct horse\"}",
        "{\"username\":\"alice\",\"password\":\"wrong\",\"p\\u0061ssword\":\"correct horse\"}",
        "\u{feff}{\"username\":\"alice\",\"password\":\"correct horse\"}",
        "{\"username\":\"alice\",\"password\":\"correct horse\",}", "{'username':'alice'}",
        "{\"username\":\"alice\",\"password\":[\"correct horse\"]}", "{\"username\":1,\"password\":\"correct horse\"}",
        "{\"username\":\"alice\",\"password\":\"correct horse\",\"scope\":[\"read\"]}",
        "{\"username\":\"alice\",\"password\":\"\\ud800\"}",
    ])
    func `content that is not one strict JSON object is refused (L12)`(_ json: String) {
        #expect(world.send(Ask("POST", "/login").json(json)).code == "request_malformed")
    }

    @Test func `guessing is throttled for a while, not for ever (F4, F5)`() throws {
        for _ in 0..<3 { #expect(world.send(World.login(password: "wrong")).status == 401) }
        let refused = world.send(World.login())
        #expect(refused.status == 429 && refused["cache-control"] == "no-store")
        let wait = try #require(Int64(refused["retry-after"] ?? ""))
        #expect((1...30).contains(wait))
        #expect(world.send(World.login("bob")).status == 200)
        world.clock.advance(wait)
        #expect(world.send(World.login()).status == 200)
    }

    @Test func `a weak hash is made anew at the next good login (F7)`() {
        #expect(world.send(World.login("wendy", password: "wrong")).status == 401)
        #expect(world.send(World.login("alice")).status == 200)
        #expect(world.send(World.login("wendy")).status == 200)
        world.authState.hashing.close()
        #expect(
            world.hashes.all.count == 1
                && world.hashes.all.first?.hasPrefix("wendy $argon2id$v=19$m=8,t=2,p=1$") == true)
        #expect(world.hashes.all.first?.contains(World.hash) == false)
    }

    @Test func `passwords are octets, up to 1024 of them (F8, F9)`() {
        for wrong in ["correct horse ", " correct horse", "Correct horse", "correct horse\0", "correct horsé"] {
            let world = try? World()
            #expect(world?.send(World.login(password: wrong)).status == 401, "\(wrong)")
        }
        #expect(world.send(World.login(password: String(repeating: "x", count: 1_024))).status == 401)
        #expect(world.send(World.login(password: String(repeating: "é", count: 513))).status == 400)
    }
}
