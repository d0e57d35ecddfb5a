@testable import API
import Foundation
import HTTP
import Synchronization
import Testing

@Suite("POST /verify/batch")
struct BatchTests {
    let world: World

    init() throws { world = try World() }

    private static func ask(_ tokens: [String], _ more: String = "", query: String = "") -> Ask {
        let list = tokens.map { "\"\($0)\"" }.joined(separator: ",")
        return Ask("POST", "/verify/batch" + query).json("{\"tokens\":[\(list)]\(more)}")
    }

    private static func results(_ json: [String: Any]) -> [[String: Any]] { json["results"] as? [[String: Any]] ?? [] }

    private func codes(_ tokens: [String], _ more: String = "", query: String = "") -> [String] {
        Self.results(world.send(Self.ask(tokens, more, query: query)).json).map { $0["code"] as? String ?? "active" }
    }

    private func metric(_ result: String) -> Int {
        let page = world.send(Ask("GET", "/metrics", role: .operator)).text
        let name = "martlet_batch_tokens_total{result=\"\(result)\"} "
        return page.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) } ?? -1
    }

    /// Tokens of each kind, and the code of those that are rejected.
    private func mixture() -> [(token: String, code: String?)] {
        let revoked = world.pair().access
        _ = world.revoke(revoked)
        let late = "\(World.start.seconds.count - 1)"
        let valid = world.pair().access
        return [
            (valid, nil), (Forged.access(["aud": "\"shared\""]), nil), ("", "token_malformed"),
            ("a.b", "token_malformed"), (String(repeating: "a", count: 8_193), "token_too_large"),
            (String(valid.dropLast(4)) + "AAAA", "signature_invalid"), (revoked, "token_revoked"),
            (Forged.access(["aud": "\"shared\"", "iat": "1", "exp": late]), "token_expired"),
            (Forged.access(["iss": "\"https://else.example\""]), "issuer_mismatch"), (world.pair("bob").access, nil),
        ]
    }

    @Test func `results are those of single calls, in order`() {
        let mixture = mixture()
        let answer = world.send(Self.ask(mixture.map(\.token)))
        #expect(answer.status == 200 && answer["content-type"] == "application/json")
        #expect(answer["cache-control"] == "no-store" && Set(answer.json.keys) == ["seq", "results"])
        let results = Self.results(answer.json)
        #expect(results.count == mixture.count)
        for (result, (token, code)) in zip(results, mixture) {
            let single = world.send(Ask("POST", "/verify").json("{\"token\":\"\(token)\"}"))
            if let code {
                #expect(result as NSDictionary == ["active": false, "code": code] as NSDictionary)
                #expect(single.status == 401 && single.code == code)
            } else {
                #expect(single.status == 200 && result as NSDictionary == single.json as NSDictionary)
            }
        }
        #expect(metric("active") == 3 && metric("rejected") == 7)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"tokens":[]}"#, #"{"tokens":null}"#, #"{"tokens":"a"}"#, #"{"tokens":{"a":"b"}}"#,
        #"{"tokens":[1]}"#, #"{"tokens":["a",null]}"#, #"{"tokens":["a",["b"]]}"#, #"{"tokens":["a"],"tokens":["a"]}"#,
        #"{"tokens":["a"],"token":"a"}"#, #"{"tokens":["a"],"scope":"a","scope":"a"}"#, #"{"tokens":["a"],"x":1}"#,
        #"{"tokens":["a"],"claims":true}"#, #"{"tokens":["a"],"claims":null}"#, #"{"tokens":["a"],"claims":"x"}"#,
        #"{"tokens":["a"],"claims":{}}"#, #"{"tokens":["a"],"claims":false,"claims":false}"#,
        #"{"tokens":["a"],"scope":""}"#, #"{"tokens":["a"],"min_seq":-1}"#, #"{"tokens":["a"]"#,
        #"{"tokens":["\ud800"]}"#,
    ])
    func `content that is not understood is an error as a whole`(_ json: String) {
        let answer = world.send(Ask("POST", "/verify/batch").json(json))
        #expect(answer.status == 400 && answer.code == "request_malformed")
        #expect(metric("active") == 0 && metric("rejected") == 0)
    }

    @Test func `256 tokens are accepted, 257 are not`() {
        #expect(codes([String](repeating: "a", count: 256)).count == 256)
        #expect(world.send(Self.ask([String](repeating: "a", count: 257))).code == "request_malformed")
    }

    @Test func `content of 1 MiB is read, and its escapes mean what they mean elsewhere`() {
        let token = world.pair().access
        let large = String(repeating: "a", count: 4_000)
        #expect(codes([String](repeating: large, count: 255) + [token]).last == "active")
        let escaped = token.replacingOccurrences(of: ".", with: "\\u002e")
        #expect(codes([escaped, "\\u0000", "é"]) == ["active", "token_malformed", "token_malformed"])
    }

    @Test func `methods, media types and tokens in the URL are as elsewhere`() {
        #expect(world.send(Ask("GET", "/verify/batch"))["allow"] == "POST, OPTIONS")
        #expect(world.send(Ask("OPTIONS", "/verify/batch")).status == 204)
        #expect(world.send(Ask("POST", "/verify/batch").form("tokens=a")).status == 415)
        #expect(world.send(Ask("POST", "/verify/batch")).code == "request_malformed")
        #expect(world.send(Self.ask(["a"], query: "?token=a")).code == "token_in_url")
        #expect(world.send(Self.ask(["a"], query: "?tokens=a")).code == "request_malformed")
        #expect(world.send(Self.ask(["a"], query: "?audience=" + world.pair().access)).code == "token_in_url")
    }

    @Test func `conditions apply to every token, from the query or the content`() {
        let tokens = [world.pair().access, world.pair("bob").access]
        #expect(codes(tokens, #","scope":"write""#) == ["active", "scope_insufficient"])
        #expect(codes(tokens, query: "?scope=write") == ["active", "scope_insufficient"])
        #expect(codes(tokens, #","audience":["billing"]"#) == ["audience_mismatch", "audience_mismatch"])
        #expect(codes(tokens, #","claims":{"roles":"ops"}"#) == ["active", "claim_mismatch"])
        #expect(
            codes(tokens, #","claims":false"#, query: "?claims=%7B%22roles%22:%22ops%22%7D") == [
                "active", "claim_mismatch",
            ])
        #expect(world.send(Self.ask(tokens, #","scope":"read""#, query: "?scope=read")).code == "request_malformed")
    }

    @Test func `claims can be left out`() throws {
        let answer = world.send(Self.ask([world.pair().access, "a"], #","claims":false"#))
        let results = Self.results(answer.json)
        try #require(results.count == 2)
        #expect(Set(results[0].keys) == ["active", "expires_in", "kid", "alg", "seq"])
        #expect(results[0]["expires_in"] as? Int == 600 && results[0]["kid"] as? String == World.rs256.kid)
        #expect(results[1]["code"] as? String == "token_malformed")
    }

    @Test func `seq is that of the newest durable record, and min_seq asks for it`() throws {
        let token = world.pair().access
        let seq = try #require(world.revoke(token).revocationSeq)
        let reached = world.send(Self.ask([token], ",\"min_seq\":\(seq)"))
        #expect(reached.seq == seq && Self.results(reached.json)[0]["code"] as? String == "token_revoked")
        for ask in [Self.ask([token], ",\"min_seq\":\(seq + 1)"), Self.ask([token], query: "?min_seq=\(seq + 1)")] {
            let answer = world.send(ask)
            #expect(answer.status == 503 && answer.code == "sequence_not_reached" && answer["retry-after"] == "1")
        }
    }

    @Test func `the content limit is that of this endpoint alone`() {
        for (ask, limit) in [
            (Ask("POST", "/verify/batch"), 1_048_576), (Ask("GET", "/verify/batch"), 0), (Ask("POST", "/verify"), 0),
            (Ask("POST", "/login"), 0), (Ask("POST", "/verify/batch/"), 0),
            (Ask("POST", "/verify/batch", role: .operator), 0),
        ] {
            let request = ask.laidOut()
            #expect(world.application.contentByteCountMax(request) == limit)
        }
    }
}

@Suite("Slices of a batch")
struct BatchSliceTests {
    let world: World
    let loop = SteppedLoop()

    init() throws {
        world = try World()
        world.clock.step.store(100_000, ordering: .relaxed)
    }

    private func ask(_ tokens: [String]) -> Ask {
        Ask("POST", "/verify/batch").json("{\"tokens\":[" + tokens.map { "\"\($0)\"" }.joined(separator: ",") + "]}")
    }

    private func verified() -> Int {
        let counter = world.authState.counters.batchTokens
        return Int(counter.value(.active) + counter.value(.rejected))
    }

    private func results(_ answer: SteppedAnswer) throws -> [[String: Any]] {
        let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        return json?["results"] as? [[String: Any]] ?? []
    }

    @Test func `other requests are answered between them, and the results are complete and in order`() throws {
        let tokens = (0..<256).map { _ in world.pair().access }
        let other = world.pair().access
        let batch = SteppedAnswer(world, ask(tokens), on: loop)
        #expect(batch.stream != nil && batch.response.status == 200)
        var turns = 0
        while loop.count > 0 {
            let before = verified()
            #expect(world.verify(other).status == 200)
            loop.turn(world.application)
            // With 100 µs for each token, the third one is over the 250 µs of a slice.
            #expect(verified() - before <= 3)
            batch.take()
            turns += 1
        }
        #expect(batch.isComplete && turns >= 85)
        let identifiers = try results(batch).map { ($0["claims"] as? [String: Any])?["jti"] as? String }
        let expected = tokens.map { world.verify($0).claims["jti"] as? String }
        #expect(identifiers == expected && identifiers.count == 256)
    }

    @Test func `each sees the newest revocations and keys, and the answer names the sequence before all of them`()
        throws
    {
        let tokens = (0..<8).map { _ in world.pair().access }
        let before = world.verify(tokens[0]).string("seq")
        let batch = SteppedAnswer(world, ask(tokens), on: loop)
        #expect(verified() == 3)
        _ = world.revoke(tokens[0])
        _ = world.revoke(tokens[4])
        loop.turn(world.application)
        world.clock.advance(600)
        while loop.count > 0 { loop.turn(world.application) }
        batch.take()
        let found = try results(batch).map { $0["code"] as? String ?? "active" }
        #expect(found[..<6] == ["active", "active", "active", "active", "token_revoked", "active"])
        #expect(found[6...] == ["token_expired", "token_expired"])
        let json = try JSONSerialization.jsonObject(with: Data(batch.body)) as? [String: Any]
        #expect(json?["seq"] as? String == before)
    }

    @Test func `a client that leaves ends the work`() {
        let batch = SteppedAnswer(world, ask([String](repeating: "a", count: 100)), on: loop)
        loop.turn(world.application)
        batch.stream?.close()
        for _ in 0..<4 { loop.turn(world.application) }
        #expect(verified() <= 9 && loop.count == 0)
    }

    @Test func `a client that does not read stops the work until it reads`() throws {
        let token = world.pair().access
        let batch = SteppedAnswer(world, ask([String](repeating: token, count: 256)), on: loop)
        while loop.count > 0 { loop.turn(world.application) }
        let first = verified()
        #expect(first > 64 && first < 256)
        #expect((batch.stream?.byteCount ?? 0) > 65_536 + 256 * token.utf8.count)
        batch.take()
        #expect(loop.count > 0)
        while loop.count > 0 {
            loop.turn(world.application)
            batch.take()
        }
        #expect(try results(batch).count == 256 && batch.isComplete)
    }

    @Test func `batches take turns, one slice for each turn of the event loop`() throws {
        let batches = (1...5).map {
            SteppedAnswer(world, ask([String](repeating: "a", count: 20)), on: loop, ticket: $0)
        }
        // The others wait for their first turn.
        #expect(verified() == 3)
        var turns = 0
        while loop.count > 0 {
            let before = verified()
            loop.turn(world.application)
            #expect(verified() - before <= 3)
            turns += 1
        }
        #expect(turns == 34)
        for batch in batches {
            batch.take()
            #expect(try results(batch).count == 20 && batch.isComplete)
        }
    }

    @Test func `a stopping server finishes the batches it has begun`() throws {
        let batch = SteppedAnswer(world, ask([String](repeating: "a", count: 20)), on: loop)
        batch.stream?.announceStop()
        while loop.count > 0 { loop.turn(world.application) }
        batch.take()
        #expect(try results(batch).count == 20 && batch.isComplete)
    }

    @Test func `a batch that one slice is enough for is answered at once`() throws {
        let batch = SteppedAnswer(world, ask(["a", "b"]), on: loop)
        #expect(batch.stream == nil && loop.count == 0)
        #expect(try results(batch).count == 2)
    }
}
