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
        let before = try #require(world.verify(token).number("seq"))
        let seq = try #require(Int64(world.revoke(world.pair().access)["revocation-seq"] ?? ""))
        #expect(seq > before && world.verify(token).number("seq") == seq)
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
        ("audience=api", 200), ("audience=billing", 401), ("audience=", 200), ("scope=read", 200),
        ("scope=read+write", 200),
        ("scope=write%20read", 200), ("scope=root", 403), ("scope=rea", 403), ("scope=read++write", 400),
        ("scope=%22", 400),
        ("max_age=100", 200), ("max_age=99", 401), ("max_age=-1", 400), ("max_age=1e3", 400),
        ("max_age=9223372036854775807", 200), ("max_age=9223372036854775808", 400), ("scope=read&scope=read", 400),
        ("scope=%zz", 400), ("unknown=1", 200),
    ])
    func `a query asks for more than validity`(_ query: String, _ status: Int) {
        let token = world.pair().access
        world.clock.advance(100)
        #expect(world.send(Ask("GET", "/verify?\(query)").bearer(token)).status == UInt16(status))
    }

    @Test(arguments: [
        ("{\"audience\":\"api\",\"scope\":\"read\",\"max_age\":100}", 200), ("{\"audience\":\"billing\"}", 401),
        ("{\"audience\":null,\"scope\":null,\"max_age\":null,\"token\":null}", 200), ("{\"audience\":[\"api\"]}", 400),
        ("{\"scope\":\"root\"}", 403), ("{\"max_age\":99}", 401), ("{\"max_age\":\"100\"}", 400),
        ("{\"max_age\":1.5}", 400),
        ("{\"max_age\":-1}", 400), ("{\"scope\":\"read\",\"scope\":\"read\"}", 400),
        ("{\"audience\":\"api\",\"other\":{}}", 200),
    ])
    func `so does the content`(_ json: String, _ status: Int) {
        let token = world.pair().access
        world.clock.advance(100)
        #expect(world.send(Ask("POST", "/verify").bearer(token).json(json)).status == UInt16(status))
    }

    @Test func `HEAD is answered like GET (L8)`() {
        let token = world.pair().access
        let head = world.send(Ask("HEAD", "/verify").bearer(token))
        #expect(head.status == 200 && head.body == world.verify(token).body)
    }

    @Test(arguments: Endpoint.allCases.filter { $0 != .auth })
    func `a token in a URL is refused wherever it is sent (J2)`(_ endpoint: Endpoint) {
        let token = world.pair().access
        let method = (endpoint.methods ?? [.get])[0].rawValue
        let queries = [
            "token=a", "access_token=a", "refresh_token=", "id_token=x", "a=b&access%5Ftoken=1", "x=\(token)",
            "x=%65yJ.a.b",
        ]
        for query in queries {
            let answer = world.send(
                Ask(method, "\(endpoint.path)?\(query)", role: endpoint.role).bearer(token).from(.local))
            #expect(answer.status == 400 && answer.code == "token_in_url", "\(query)")
            #expect(!answer.text.contains(token))
        }
        let harmless = world.send(Ask(method, "\(endpoint.path)?x=eyJ.a", role: endpoint.role).from(.local))
        #expect(harmless.code != "token_in_url")
    }
}

extension Data {
    init?(base64URL text: String) {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        self.init(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4))
    }
}
