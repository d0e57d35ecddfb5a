import API
import Foundation
import Testing

@Suite("GET and POST /verify")
struct VerifyTests {
    let world: World

    init() throws { world = try World() }

    @Test func `says what the token says, and who signed it`() {
        let pair = world.pair()
        world.clock.advance(100)
        let answer = world.verify(pair.access)
        #expect(
            answer.status == 200 && answer["cache-control"] == "no-store"
                && answer["content-type"] == "application/json")
        #expect(Set(answer.json.keys) == ["active", "claims", "expires_in", "kid", "alg", "seq"])
        #expect(answer.json["active"] as? Bool == true && answer.number("expires_in") == 500)
        #expect(answer.string("kid") == World.rs256.kid && answer.string("alg") == "RS256")
        let signed = pair.access.split(separator: ".").dropFirst().first.flatMap { Data(base64URL: String($0)) }
        #expect(signed.map { answer.text.contains("\"claims\":" + String(decoding: $0, as: UTF8.self) + ",") } == true)
    }

    @Test func `seq grows with each durable record`() throws {
        let token = world.pair().access
        let before = try #require(world.verify(token).seq)
        let seq = try #require(world.revoke(world.pair().access).revocationSeq)
        #expect(seq > before && world.verify(token).seq == seq)
    }

    @Test func `takes the token from the header or from the content, never from both (J3)`() {
        let token = world.pair().access
        let inContent = Ask("POST", "/verify").json("{\"token\":\"\(token)\"}")
        #expect(world.send(inContent).status == 200)
        #expect(world.send(inContent.bearer(token)).code == "request_malformed")
        #expect(world.send(inContent.with("Authorization", "Basic YTpi")).code == "request_malformed")
        #expect(world.send(Ask("POST", "/verify").bearer(token)).status == 200)
        #expect(world.send(Ask("POST", "/verify").bearer(token).json("{\"audience\":\"api\"}")).status == 200)
        #expect(world.send(Ask("POST", "/verify")).code == "token_missing")
        let twice = Ask("GET", "/verify").bearer(token)
        #expect(world.send(twice.bearer(token)).code == "request_malformed")
        #expect(world.send(Ask("GET", "/verify").with("Cookie", "access_token=\(token)")).code == "token_missing")
    }

    @Test(arguments: [
        ("audience=api", 200), ("audience=billing", 401), ("audience=", 400), ("aud=billing", 401), ("scope=read", 200),
        ("scope=read+write", 200),
        ("scope=write%20read", 200), ("scope=root", 403), ("scope=rea", 403), ("scope=read++write", 400),
        ("scope=%22", 400),
        ("max_age=100", 200), ("max_age=99", 401), ("max_age=-1", 400), ("max_age=1e3", 400),
        ("max_age=9223372036854775807", 200), ("max_age=9223372036854775808", 400), ("scope=read&scope=read", 400),
        ("scope=%zz", 400), ("unknown=1", 400), ("aud=api", 200), ("aud=api&audience=api", 400), ("aud=", 400),
        ("role=admin", 200), ("role=root", 403), ("role=", 400), ("role=+", 400), ("roles=admin", 400), ("scope=", 400),
        ("max_age=", 400), ("max_age=%2B5", 400), ("min_seq=x", 400), ("=", 400),
    ])
    func `a query asks for more than validity`(_ query: String, _ status: Int) {
        let token = world.pair().access
        world.clock.advance(100)
        #expect(world.send(Ask("GET", "/verify?\(query)").bearer(token)).status == UInt16(status))
    }

    @Test(arguments: [
        ("{\"audience\":\"api\",\"scope\":\"read\",\"max_age\":100}", 200), ("{\"audience\":\"billing\"}", 401),
        ("{\"token\":null}", 200), ("{\"audience\":[\"api\"]}", 200),
        ("{\"audience\":null}", 400), ("{\"scope\":null}", 400), ("{\"role\":null}", 400), ("{\"max_age\":null}", 400),
        ("{\"audience\":\"\"}", 400), ("{\"scope\":\"\"}", 400), ("{\"role\":\"\"}", 400), ("{\"role\":\" \"}", 400),
        ("{\"aud\":\"billing\"}", 401), ("{\"aud\":\"api\",\"audience\":\"api\"}", 400), ("{\"role\":\"root\"}", 403),
        ("{\"role\":\"admin\"}", 200), ("{\"roles\":[\"admin\"]}", 400), ("{\"min_seq\":\"1\"}", 400),
        ("{\"a\\u0075d\":\"billing\"}", 401),
        ("{\"scope\":\"root\"}", 403), ("{\"max_age\":99}", 401), ("{\"max_age\":\"100\"}", 400),
        ("{\"max_age\":1.5}", 400),
        ("{\"max_age\":-1}", 400), ("{\"scope\":\"read\",\"scope\":\"read\"}", 400),
        ("{\"audience\":\"api\",\"other\":{}}", 400),
    ])
    func `so does the content`(_ json: String, _ status: Int) {
        let token = world.pair().access
        world.clock.advance(100)
        #expect(world.send(Ask("POST", "/verify").bearer(token).json(json)).status == UInt16(status))
    }

    @Test(arguments: ["GET", "HEAD", "POST"])
    func `a condition counts in the query and in the content, whatever the method, and in both it is refused`(
        _ method: String
    ) {
        let token = world.pair().access
        func ask(_ query: String, _ json: String) -> UInt16 {
            world.send(Ask(method, "/verify\(query)").bearer(token).json(json)).status
        }
        #expect(ask("?scope=read", "{\"role\":\"admin\"}") == 200)
        #expect(ask("?scope=root", "{}") == 403 && ask("", "{\"scope\":\"root\"}") == 403)
        #expect(ask("?scope=read", "{\"role\":\"root\"}") == 403 && ask("?role=root", "{\"scope\":\"read\"}") == 403)
        #expect(ask("?scope=read", "{\"scope\":\"read\"}") == 400 && ask("?aud=api", "{\"audience\":\"api\"}") == 400)
        #expect(ask("?scoop=read", "{}") == 400 && ask("", "{\"scoop\":\"read\"}") == 400)
        let inContent = Ask(method, "/verify?scope=root").json("{\"token\":\"\(token)\"}")
        #expect(world.send(inContent).code == "scope_insufficient")
        #expect(world.send(Ask(method, "/verify").bearer(token).content("x", "text/plain")).status == 415)
    }

    @Test func `an error names the member, and never repeats a value`() {
        let token = world.pair().access
        func detail(_ ask: Ask) -> String? { world.send(ask.bearer(token)).string("detail") }
        #expect(detail(Ask("GET", "/verify?scoop=secret-value")) == "Unknown condition: scoop.")
        #expect(detail(Ask("POST", "/verify").json("{\"scoop\":\"secret-value\"}")) == "Unknown member: scoop.")
        #expect(detail(Ask("POST", "/verify").json("{\"role\":\"\"}")) == "The condition role is empty.")
        #expect(
            detail(Ask("POST", "/verify").json("{\"max_age\":\"5\"}")) == "The member max_age must be a whole number.")
        let long = String(repeating: "x", count: 33)
        for name in ["\(long)", "a.b", "a\\\"b", "\\u0000", ""] {
            let answer = detail(Ask("POST", "/verify").json("{\"\(name)\":1}"))
            #expect(answer == "Unknown member: whose name is empty, long or not plain text.")
        }
    }

    @Test func `HEAD is answered like GET (L8)`() {
        let token = world.pair().access
        let head = world.send(Ask("HEAD", "/verify").bearer(token))
        #expect(head.status == 200 && head.body == world.verify(token).body)
    }

    @Test(arguments: RouteTable.standard.routes.filter { $0 != .auth })
    func `a token in a URL is refused wherever it is sent (J2)`(_ endpoint: Route) {
        let token = world.pair().access
        let method = (endpoint.methods ?? [.get])[0].rawValue
        let queries = [
            "token=a", "access_token=a", "refresh_token=", "id_token=x", "a=b&access%5Ftoken=1", "x=\(token)",
            "x=%65yJ.a.b",
        ]
        for query in queries {
            let answer = world.send(
                Ask(method, "\(endpoint.path)?\(query)", role: endpoint.listener).bearer(token).from(.local))
            #expect(answer.status == 400 && answer.says("token_in_url", endpoint), "\(query)")
            #expect(!answer.text.contains(token))
        }
        let harmless = world.send(Ask(method, "\(endpoint.path)?x=eyJ.a", role: endpoint.listener).from(.local))
        #expect(harmless.code != "token_in_url")
    }
}

extension Data {
    init?(base64URL text: String) {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        self.init(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
    }
}
