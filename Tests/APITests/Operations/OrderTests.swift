import Encoding
import HTTP
import Testing

@Suite("POST /admin/revocations")
struct OrderTests {
    let world: World

    init() throws { world = try World() }

    @Test func `a user is named by name or id, and by nothing else`() throws {
        let (alice, bob) = (world.pair(), world.pair("bob"))
        #expect(world.order("{\"sub\":\"alice\"}").code == "request_malformed")
        #expect(world.verify(alice.access).status == 200)
        let answer = world.order("{\"username\":\"alice\"}")
        #expect(answer.status == 200 && answer.string("sub") == "\(World.alice)")
        #expect(world.verify(alice.access).code == "subject_revoked")
        #expect(world.order("{\"sub\":\"\(World.bob)\"}").status == 200)
        #expect(world.verify(bob.access).code == "subject_revoked")
    }

    @Test(arguments: [
        #"{"sub":"019a0000-0000-7000-8000-0000000000ff"}"#, #"{"sub":"demo"}"#, #"{"client_id":"shopp"}"#,
        #"{"kid":"none"}"#,
    ])
    func `what does not exist is refused unless that is meant`(_ order: String) throws {
        let before = world.authState.revocations.sequence
        #expect(world.order(order).code == "request_malformed")
        #expect(world.authState.revocations.sequence == before)
        for word in ["\"deny\"", "true", "\"\""] {
            let spoilt = order.dropLast() + ",\"unknown\":\(word)}"
            #expect(world.order(String(spoilt)).code == "request_malformed", "\(word)")
        }
        #expect(world.order(order.dropLast() + ",\"unknown\":\"allow\"}").status == 200)
        #expect(world.authState.revocations.sequence > before)
    }

    @Test(arguments: [
        #"{"username":"nobody"}"#, #"{"username":"nobody","unknown":"allow"}"#, #"{"username":""}"#,
        #"{"username":"alice","sub":"019a0000-0000-7000-8000-000000000001"}"#, #"{"all":true,"username":"alice"}"#,
        #"{"all":true,"scope":"x"}"#, #"{"All":true,"all":true}"#, #"{"all":false,"username":"alice"}"#,
        #"{"username":"alice","expires_at":1800000000}"#, #"{"jti":7}"#, #"{"unknown":"allow"}"#, "[]",
        #"{"sid":null,"all":true}"#, #"{"all":true,"jti":null}"#, #"{"username":"alice","sub":null}"#,
        #"{"all":true,"unknown":"allow"}"#, #"{"jti":"019a0000-0000-7000-8000-000000000001","unknown":"allow"}"#,
        #"{"all":true,"unknown":null}"#,
    ])
    func `an order that is not understood ends nothing`(_ order: String) {
        let pair = world.pair()
        #expect(world.order(order).code == "request_malformed")
        #expect(world.verify(pair.access).status == 200)
    }

    @Test(arguments: ["sid=x", "unknown=allow", "username=alice"])
    func `an order in the query is refused, whatever is in the content`(_ query: String) {
        let pair = world.pair()
        let ask = Ask("POST", "/admin/revocations?\(query)", role: .operator).json("{\"all\":true}").from(.local)
        #expect(world.send(ask).code == "request_malformed")
        #expect(world.verify(pair.access).status == 200)
    }

    @Test func `an unknown member is named`() {
        #expect(world.order("{\"al\":true}").string("detail") == "Unknown member: al.")
    }

    @Test func `the clients that have no entry can be named`() {
        let pair = world.pair()
        #expect(world.order("{\"client_id\":\"first-party\"}").status == 200)
        #expect(world.verify(pair.access).code == "client_revoked")
        #expect(world.order("{\"client_id\":\"martlet-mint\"}").status == 200)
    }

    @Test(arguments: ["", ",\"expires_at\":0", ",\"expires_at\":1900000000"])
    func `a token is revoked whatever end the order names, also after a restart`(_ end: String) throws {
        let pair = world.pair()
        let jti = try #require(world.verify(pair.access).claims["jti"] as? String)
        #expect(world.order("{\"jti\":\"\(jti)\"\(end)}").status == 200)
        #expect(world.verify(pair.access).code == "token_revoked")
        #expect(world.verify(world.pair().access).status == 200)
    }

    @Test func `the log tells who asked and what ended, in the words of the request`() {
        let ask = Ask("POST", "/admin/revocations", role: .operator).json("{\"username\":\"alice\"}").from(
            .local, user: 1_234)
        #expect(world.send(ask).status == 200)
        let line = world.log.events("revoked").last
        #expect(line?["uid"] as? Int == 1_234 && line?["order"] as? String == "sub \(World.alice)")
        let bad = Ask("POST", "/admin/revocations", role: .operator).json("{}").from(.local, user: 1_235)
        #expect(world.send(bad).status == 400)
        #expect(world.log.events("request_refused").last?["uid"] as? Int == 1_235)
    }
}
