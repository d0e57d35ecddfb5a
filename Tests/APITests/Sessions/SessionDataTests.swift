import API
import Foundation
import Revocation
import Service
import Testing

@Suite("GET, PUT, PATCH and DELETE /session/data")
struct SessionDataTests {
    let world: World
    let data = MemorySessionData()

    init() throws { world = try World(data: data) }

    private func get(_ token: String) -> Answer { world.send(Ask("GET", "/session/data").bearer(token)) }

    private func put(_ text: String, _ token: String, _ name: String, _ value: String) -> Answer {
        world.send(Ask("PUT", "/session/data").bearer(token).with(name, value).json(text))
    }

    @Test func `a session without data reads as an empty object with an entity tag`() throws {
        let pair = world.pair()
        let answer = get(pair.access)
        #expect(answer.status == 200 && answer.text == "{}" && answer["content-type"] == "application/json")
        #expect(answer["cache-control"] == "no-store")
        let tag = try #require(answer["etag"])
        #expect(tag.hasPrefix("\"0-") && tag.hasSuffix("\"") && !tag.hasPrefix("W/"))
        let again = world.send(Ask("GET", "/session/data").bearer(pair.access).with("If-None-Match", tag))
        #expect(again.status == 304 && again.body.isEmpty && again["etag"] == tag)
        #expect(again["cache-control"] == "no-store")
        #expect(data.writes == 0)
    }

    @Test func `a patch changes what it names, and every node reads it`() throws {
        let pair = world.pair()
        let first = world.patch("{\"cart\":{\"tea\":1}, \"theme\":\"dark\"}", pair.access)
        #expect(first.status == 200 && first.text == "{\"cart\":{\"tea\":1},\"theme\":\"dark\"}")
        #expect(first["cache-control"] == "no-store" && first["content-type"] == "application/json")
        let second = world.patch("{\"cart\":{\"cup\":2},\"theme\":null}", pair.access)
        #expect(second.text == "{\"cart\":{\"tea\":1,\"cup\":2}}" && second["etag"] != first["etag"])
        let read = get(pair.access)
        #expect(read.text == second.text && read["etag"] == second["etag"])
        #expect(get(world.pair().access).text == "{}")
    }

    @Test func `application-json is a merge patch as well`() {
        let token = world.pair().access
        let answer = world.send(Ask("PATCH", "/session/data").bearer(token).json("{\"a\":1}"))
        #expect(answer.status == 200 && get(token).text == "{\"a\":1}")
    }

    @Test func `a patch that changes nothing writes nothing`() {
        let token = world.pair().access
        let first = world.patch("{\"a\":1}", token)
        let second = world.patch("{\"a\":1}", token)
        #expect(second.status == 200 && second["etag"] == first["etag"] && data.writes == 1)
    }

    @Test func `a replacement is stored as it was sent`() throws {
        let token = world.pair().access
        let text = " {\"n\": 12345678901234567890123, \"z\":-0, \"e\":1E400, \"s\":\"\\u0041\\/\", \"a\":[] }\n"
        let answer = put(text, token, "If-None-Match", "*")
        #expect(answer.status == 204 && answer.body.isEmpty)
        let read = get(token)
        #expect(read.text == text && read["etag"] == answer["etag"])
        let merged = world.patch("{\"x\":0.10}", token)
        #expect(
            merged.text
                == "{\"n\":12345678901234567890123,\"z\":-0,\"e\":1E400,\"s\":\"\\u0041\\/\",\"a\":[],\"x\":0.10}")
    }

    @Test func `If-Match lets through only a client that has seen the data`() throws {
        let token = world.pair().access
        let none = try #require(get(token)["etag"])
        let one = try #require(put("{\"a\":1}", token, "If-Match", none)["etag"])
        #expect(put("{\"a\":2}", token, "If-Match", none).code == "precondition_failed")
        #expect(put("{\"a\":2}", token, "If-Match", "W/\(one)").code == "precondition_failed")
        #expect(put("{\"a\":2}", token, "If-Match", "\"x,y\" , \(one)").status == 204)
        #expect(get(token).text == "{\"a\":2}")
        #expect(put("{\"a\":3}", token, "If-Match", "*").status == 204)
        #expect(put("{\"a\":4}", token, "If-None-Match", "*").code == "precondition_failed")
        #expect(put("{\"a\":4}", token, "If-None-Match", "\"x\"").code == "precondition_required")
        #expect(put("{\"a\":4}", world.pair().access, "If-Match", "*").code == "precondition_failed")
        for method in ["PATCH", "DELETE"] {
            let ask = Ask(method, "/session/data").bearer(token).with("If-Match", one).json("{\"a\":5}")
            #expect(world.send(ask).code == "precondition_failed")
        }
        #expect(world.send(Ask("GET", "/session/data").bearer(token).with("If-Match", one)).status == 412)
        #expect(get(token).text == "{\"a\":3}")
    }

    @Test func `If-None-Match of a read is a weak comparison, also of several`() throws {
        let token = world.pair().access
        let tag = try #require(world.patch("{\"a\":1}", token)["etag"])
        for (value, status) in [
            ("W/\(tag)", 304), ("\"x\", \(tag)", 304), ("*", 304), ("\"x\"", 200),
        ] {
            let answer = world.send(Ask("GET", "/session/data").bearer(token).with("If-None-Match", value))
            #expect(answer.status == status, "\(value)")
        }
        let twice = Ask("GET", "/session/data").bearer(token).with("If-None-Match", "\"x\"").with("If-None-Match", tag)
        #expect(world.send(twice).status == 304)
    }

    @Test(arguments: ["", ",", "x", "\"x", "\"a\"\"b\"", "w/\"x\"", "\"a\" \"b\"", "*, \"a\"", "\"a b\"", "\"\u{7f}\""])
    func `a condition that cannot be read is not ignored`(_ value: String) {
        let token = world.pair().access
        for name in ["If-Match", "If-None-Match"] {
            let ask = Ask("PATCH", "/session/data").bearer(token).with(name, value).json("{\"a\":1}")
            #expect(world.send(ask).code == "request_malformed", "\(name): \(value)")
        }
        #expect(data.writes == 0)
    }

    @Test func `65 tags, or a star among others, are no condition`() {
        let token = world.pair().access
        let many = (0..<65).map { "\"\($0)\"" }
        for values in [many, [many.joined(separator: ",")], ["*", "\"a\""], ["\"a\"", "*"], ["*", "*"]] {
            var ask = Ask("DELETE", "/session/data").bearer(token)
            for value in values { ask = ask.with("If-None-Match", value) }
            #expect(world.send(ask).code == "request_malformed")
        }
    }

    @Test func `removed data is gone, and its old tags never count again`() throws {
        let token = world.pair().access
        let first = try #require(put("{\"a\":1}", token, "If-None-Match", "*")["etag"])
        let removal = world.send(Ask("DELETE", "/session/data").bearer(token))
        #expect(removal.status == 204 && removal.body.isEmpty && get(token).text == "{}")
        #expect(get(token)["etag"] == removal["etag"])
        #expect(world.send(Ask("DELETE", "/session/data").bearer(token)).status == 204)
        #expect(put("{\"b\":1}", token, "If-Match", "*").code == "precondition_failed")
        let second = try #require(put("{\"a\":1}", token, "If-None-Match", "*")["etag"])
        #expect(second != first && put("{\"a\":2}", token, "If-Match", first).code == "precondition_failed")
    }

    @Test func `the tag of one session says nothing about another`() throws {
        let (one, two) = (world.pair(), world.pair())
        let tag = try #require(world.patch("{\"a\":1}", one.access)["etag"])
        #expect(world.patch("{\"a\":1}", two.access)["etag"] != tag)
        #expect(
            world.send(Ask("GET", "/session/data").bearer(two.access).with("If-None-Match", tag)).status == 200)
    }

    @Test func `16,384 bytes fit, one more does not, sent or merged`() throws {
        let token = world.pair().access
        let text = "{\"a\":\"\(String(repeating: "x", count: 16_384 - 8))\"}"
        #expect(text.utf8.count == 16_384)
        #expect(put(text, token, "If-None-Match", "*").status == 204)
        let long = text.replacing("{", with: "{ ")
        for method in ["PUT", "PATCH"] {
            let answer = world.send(Ask(method, "/session/data").bearer(token).with("If-Match", "*").json(long))
            #expect(answer.status == 413 && answer.code == "body_too_large")
        }
        let merged = world.patch("{\"b\":1}", token)
        #expect(merged.status == 413 && get(token).text == text)
        #expect(world.patch("{\"a\":null,\"b\":1}", token).text == "{\"b\":1}")
    }

    @Test func `eight levels fit, nine do not`() {
        let token = world.pair().access
        func nested(_ levels: Int) -> String {
            String(repeating: "{\"a\":", count: levels) + "1" + String(repeating: "}", count: levels)
        }
        #expect(world.patch(nested(8), token).status == 200 && get(token).text == nested(8))
        #expect(world.patch(nested(9), token).code == "request_malformed")
        #expect(
            world.patch("{\"a\":\(String(repeating: "[", count: 8))\(String(repeating: "]", count: 8))}", token)
                .code == "request_malformed")
    }

    @Test func `as many values as fit into 16,384 bytes are merged`() {
        let token = world.pair().access
        let list = "{\"a\":[" + String(repeating: "1,", count: 8_180) + "1]}"
        #expect(list.utf8.count <= 16_384 && world.patch(list, token).status == 200)
        let names = (0..<1_200).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
        #expect(world.patch("{\"a\":null,\(names)}", token).status == 200)
        let removal = (0..<1_200).map { "\"n\($0)\":null" }.joined(separator: ",")
        #expect(world.patch("{\(removal)}", token).text == "{}")
    }

    @Test func `the content needs a type that is read, and no coding`() {
        let token = world.pair().access
        for (type, status) in [
            ("application/merge-patch+json; charset=utf-8", 200), ("APPLICATION/Merge-Patch+JSON", 200),
            ("application/merge-patch+json; charset=latin1", 415), ("text/plain", 415),
            ("application/json-patch+json", 415),
        ] {
            #expect(world.send(Ask("PATCH", "/session/data").bearer(token).content("{}", type)).status == status)
        }
        var bare = Ask("PATCH", "/session/data").bearer(token)
        bare.body = Array("{}".utf8)
        #expect(world.send(bare).status == 415)
        #expect(
            world.send(bare.with("Content-Type", "application/json").with("Content-Encoding", "gzip")).status == 415)
        #expect(world.send(Ask("PATCH", "/session/data").bearer(token).json("")).code == "request_malformed")
    }

    @Test func `a write that comes after the logout changes nothing`() throws {
        let pair = world.pair()
        _ = world.patch("{\"a\":1}", pair.access)
        let data = data
        // The logout of another node is in the engine before this write, and not yet known here.
        data.beforeWrite { data.revoke(pair.sid) }
        let answer = world.patch("{\"a\":2}", pair.access)
        #expect(answer.status == 401 && answer.code == "session_revoked")
        #expect(String(decoding: data.stored(pair.sid).content, as: UTF8.self) == "{\"a\":1}")
        #expect(get(pair.access).code == "session_revoked")
    }

    @Test func `a read that a logout overtakes shows nothing`() throws {
        let pair = world.pair()
        _ = world.patch("{\"a\":1}", pair.access)
        let data = data
        data.afterRead { data.revoke(pair.sid) }
        #expect(get(pair.access).code == "session_revoked")
    }

    @Test func `the data of a session is kept until no token of it can be valid`() throws {
        let pair = world.pair()
        _ = world.patch("{\"a\":1}", pair.access)
        #expect(try #require(data.sessionEnd) >= World.start.adding(seconds: 90 * 86_400))
    }

    @Test func `tokens without a session, and tokens that a client could forge, are rejected`() throws {
        let forged = Forged.access(["aud": "\"shared\"", "sid": "\"\(world.pair().sid)\""])
        #expect(get(forged).code == "alg_not_allowed")
        #expect(world.patch("{\"a\":1}", forged).code == "alg_not_allowed" && data.writes == 0)
    }

    @Test func `the access cookie is as good, from pages that may use it`() {
        let jar = world.jar()
        let ask = Ask("PATCH", "/session/data").cookies(jar.atRoot).content("{\"a\":1}", "application/merge-patch+json")
        #expect(world.send(ask.sameOrigin).text == "{\"a\":1}")
        #expect(world.send(ask.with("Origin", World.app))["access-control-allow-origin"] == World.app)
        #expect(world.send(ask.with("Sec-Fetch-Site", "cross-site")).code == "csrf_failed")
        #expect(world.send(ask).status == 200)
        for method in ["DELETE", "PATCH"] {
            #expect(world.send(Ask(method, "/session/data").cookies(jar.atRoot)).code == "csrf_failed")
        }
        #expect(world.send(Ask("GET", "/session/data").sameOrigin.cookies(jar.atRoot)).text == "{\"a\":1}")
    }

    @Test func `a preflight allows the methods and the fields of conditions`() {
        let ask = Ask("OPTIONS", "/session/data").with("Origin", World.app).with(
            "Access-Control-Request-Method", "PATCH")
        let answer = world.send(ask)
        #expect(answer["access-control-allow-methods"] == "GET, HEAD, PUT, PATCH, DELETE")
        #expect(answer["access-control-allow-headers"]?.contains("If-Match") == true)
    }

    @Test func `neither log nor metrics contain data`() throws {
        let pair = world.pair()
        _ = world.patch("{\"secret-name\":\"secret-value\"}", pair.access)
        data.put("{\"secret-name\":", pair.sid)
        #expect(get(pair.access).status == 500)
        data.fail([.unavailable(reason: "no connection")])
        #expect(get(pair.access).code == "store_unavailable")
        let metrics = world.send(Ask("GET", "/metrics", role: .operator))
        #expect(!metrics.text.contains("secret-") && !world.log.all.contains { $0.contains("secret-") })
        #expect(metrics.text.contains("route=\"/session/data\""))
    }

    @Test func `what others broke in the engine can be removed`() {
        let pair = world.pair()
        data.put("[1", pair.sid)
        #expect(get(pair.access).status == 500 && world.patch("{\"a\":1}", pair.access).status == 500)
        #expect(world.send(Ask("DELETE", "/session/data").bearer(pair.access)).status == 204)
        #expect(world.patch("{\"a\":1}", pair.access).text == "{\"a\":1}")
    }

    @Test func `a failure says whether something may have changed`() {
        let token = world.pair().access
        data.fail([.unavailable(reason: "no connection")])
        let known = world.patch("{\"a\":1}", token)
        #expect(known.string("detail") == "Nothing was changed." && known["retry-after"] == "1")
        data.fail([nil, .unconfirmed(reason: "lost")])
        #expect(world.patch("{\"a\":1}", token).string("detail")?.hasPrefix("It is not known") == true)
    }
}
