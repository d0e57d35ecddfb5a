import Testing

@Suite("Which client a request comes from, RFC 6749 2.3 and 3.2.1")
struct ClientIdentificationTests {
    let world: World

    init() throws { world = try World() }

    private var shop: (String, String) { ("shop", World.encoded(World.secret)) }

    private func refresh(_ token: String, _ more: [String: String] = [:], path: String = "/token") -> Ask {
        let pairs = ["grant_type": "refresh_token", "refresh_token": token].merging(more) { $1 }
        return Ask("POST", path).form(pairs.map { "\($0)=\($1)" }.joined(separator: "&"))
    }

    @Test func `the header's client may say its id in the content as well, and no other`() {
        let token = world.pair(of: "shop").refresh
        let other = world.send(refresh(token, ["client_id": "secretive"]).basic(shop.0, shop.1))
        #expect(other.status == 400 && other.code == "request_malformed")
        let first = world.send(refresh(token, ["client_id": "first-party"]).basic(shop.0, shop.1))
        #expect(first.status == 400 && first.code == "request_malformed")
        let twice = world.send(refresh(token, ["client_id": "shop", "client_secret": "x"]).basic(shop.0, shop.1))
        #expect(twice.status == 400 && twice.code == "request_malformed")
        #expect(world.send(refresh(token, ["client_id": "shop"]).basic(shop.0, shop.1)).status == 200)
        for path in ["/introspect", "/revoke"] {
            let same = Ask("POST", path).form(["token": "none", "client_id": "shop"]).basic(shop.0, shop.1)
            #expect(world.send(same).status == 200)
            let other = Ask("POST", path).form(["token": "none", "client_id": "bank"]).basic(shop.0, shop.1)
            #expect(world.send(other).code == "request_malformed")
        }
        #expect(world.send(World.login().basic(shop.0, shop.1)).status == 200)
    }

    @Test(arguments: [
        #""client_id":"shop","client_secret":"""#, #""client_id":"","client_secret":"""#, #""client_secret":"""#,
    ])
    func `empty members beside the header count as absent, in JSON as in a form`(_ members: String) {
        let token = world.pair(of: "shop").refresh
        let ask = Ask("POST", "/refresh").json("{\"refresh_token\":\"\(token)\",\(members)}")
        #expect(world.send(ask.basic(shop.0, shop.1)).status == 200)
        #expect(world.send(ask.basic("shop", "wrong")).code == "client_invalid")
        let form = members.replacing("\"", with: "").replacing(":", with: "=").replacing(",", with: "&")
        let again = Ask("POST", "/refresh").form("refresh_token=\(world.pair(of: "shop").refresh)&\(form)")
        #expect(world.send(again.basic(shop.0, shop.1)).status == 200)
    }

    @Test func `a wrong secret stays wrong, whoever is named beside it`() {
        for more in [[:], ["client_id": "shop"]] {
            let answer = world.send(refresh(world.pair(of: "shop").refresh, more).basic("shop", "wrong"))
            #expect(answer.status == 401 && answer.code == "client_invalid")
        }
        let bare = world.send(refresh(world.pair(of: "shop").refresh, ["client_id": "shop"]))
        #expect(bare.status == 401 && bare.code == "client_invalid")
    }

    @Test(arguments: ["/token", "/refresh"])
    func `the public first-party client may name itself, without a secret`(_ path: String) {
        #expect(world.send(refresh(world.pair().refresh, ["client_id": "first-party"], path: path)).status == 200)
        #expect(world.send(refresh(world.pair().refresh, path: path).basic("first-party", "")).status == 200)
        let both = refresh(world.pair().refresh, ["client_id": "first-party"], path: path).basic("first-party", "")
        #expect(world.send(both).status == 200)
        // It has no secret, so one that is sent is wrong.
        for more in [["client_id": "first-party", "client_secret": "x"]] {
            #expect(world.send(refresh(world.pair().refresh, more, path: path)).code == "client_invalid")
        }
        #expect(
            world.send(refresh(world.pair().refresh, path: path).basic("first-party", "x")).code == "client_invalid")
    }

    @Test func `naming itself proves nothing: introspection and clients' tokens stay closed to it`() {
        let mine = world.pair()
        let asked = world.send(Ask("POST", "/introspect").form(["token": mine.access, "client_id": "first-party"]))
        #expect(asked.status == 401 && asked.code == "client_invalid")
        let theirs = world.send(refresh(world.pair(of: "shop").refresh, ["client_id": "first-party"]))
        #expect(theirs.status == 401 && theirs.code == "client_invalid")
        let revoked = Ask("POST", "/revoke").form(["token": mine.refresh, "client_id": "first-party"])
        #expect(world.send(revoked).status == 200 && world.verify(mine.access).status == 401)
    }
}
