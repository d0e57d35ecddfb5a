import Testing

@Suite("Conditions on single claims, and on how much an answer must know")
struct ConditionTests {
    let world: World

    init() throws { world = try World() }

    private func code(_ json: String) -> String {
        let answer = world.send(Ask("POST", "/verify").bearer(world.pair().access).json(json))
        return answer.status == 200 ? "" : answer.code ?? "\(answer.status)"
    }

    private static func list(_ name: String, _ count: Int) -> String {
        "{\"\(name)\":[" + (0..<count).map { $0 == 0 ? "\"aud\"" : "\"iss\"" }.joined(separator: ",") + "]}"
    }

    private static func pairs(_ count: Int) -> String {
        "{\"claims\":{"
            + (0..<count).map { "\"/amr/" + String(repeating: "0", count: $0 + 1) + "\":1" }
            .joined(separator: ",") + "}}"
    }

    @Test(arguments: [
        (#"{"issuer":"https://auth.example"}"#, ""), (#"{"issuer":"https://auth.example/"}"#, "issuer_mismatch"),
        (#"{"client_id":"first-party"}"#, ""), (#"{"client_id":"first-part"}"#, "client_mismatch"),
        (#"{"client_id":"shop"}"#, "client_mismatch"), (#"{"subject":"alice"}"#, "subject_mismatch"),
        (#"{"audience":["moon","api"]}"#, ""), (#"{"audience":["moon"]}"#, "audience_mismatch"),
        (#"{"required_claims":["sub","/amr/0","auth_time"]}"#, ""),
        (#"{"required_claims":["sub","email"]}"#, "claim_missing"),
        (#"{"claims":{"amr":"pwd","client_id":"fir*|x"}}"#, ""), (#"{"claims":{"amr":"otp"}}"#, "claim_mismatch"),
        (#"{"claims":{"amr":["pwd"]}}"#, ""), (#"{"claims":{"amr":["otp"]}}"#, "claim_mismatch"),
        (#"{"claims":{"email":null}}"#, "claim_mismatch"),
        (#"{"claims":{"amr":"pwd","scope":false}}"#, "claim_mismatch"),
        (#"{"min_seq":0}"#, ""), (#"{"min_seq":"1:0"}"#, ""), (#"{"min_seq":"2:0"}"#, "sequence_unknown"),
        (#"{"min_seq":9007199254740991}"#, "sequence_not_reached"),
    ])
    func `are met by value, or the code says which is not`(_ json: String, _ expected: String) {
        #expect(code(json) == expected)
    }

    @Test(arguments: [
        #"{"issuer":""}"#, #"{"issuer":["a"]}"#, #"{"subject":null}"#, #"{"subject":1}"#, #"{"client_id":true}"#,
        #"{"audience":[]}"#, #"{"audience":[""]}"#, #"{"audience":[1]}"#, #"{"audience":{}}"#,
        #"{"required_claims":"sub"}"#, #"{"required_claims":[]}"#, #"{"required_claims":[""]}"#,
        #"{"required_claims":["/"]}"#, #"{"required_claims":["/a~2"]}"#, #"{"required_claims":[["sub"]]}"#,
        #"{"claims":{}}"#, #"{"claims":false}"#, #"{"claims":null}"#, #"{"claims":"amr"}"#, #"{"claims":[]}"#,
        #"{"claims":{"":1}}"#, #"{"claims":{"amr":"*"}}"#, #"{"claims":{"amr":"a||b"}}"#,
        #"{"claims":{"amr":"pwd","amr":"pwd"}}"#, #"{"min_seq":-1}"#, #"{"min_seq":1.5}"#, #"{"min_seq":"1"}"#,
        #"{"min_seq":"0:1"}"#, #"{"min_seq":"1:01"}"#,
        #"{"min_seq":[1]}"#, #"{"sub":"x"}"#, list("audience", 17), list("required_claims", 17), pairs(17),
    ])
    func `are not met when they are not understood`(_ json: String) {
        #expect(code(json) == "request_malformed")
    }

    @Test func `sixteen entries are accepted`() {
        #expect(code(Self.list("audience", 16)) == "audience_mismatch")
        #expect(code(Self.list("required_claims", 16)) == "")
        #expect(code(Self.pairs(16)) == "claim_mismatch")
    }

    @Test func `an error names the member`() {
        let token = world.pair().access
        for (json, name) in [
            (#"{"subject":1}"#, "subject"), (#"{"claims":{}}"#, "claims"), (#"{"min_seq":"x"}"#, "min_seq"),
            (#"{"required_claims":[1]}"#, "required_claims"), (#"{"audience":[]}"#, "audience"),
        ] {
            let detail = world.send(Ask("POST", "/verify").bearer(token).json(json)).string("detail")
            #expect(detail?.contains(name) == true, "\(json)")
        }
    }

    @Test(arguments: ["/verify", "/auth"])
    func `mean the same in a query`(_ path: String) {
        let token = world.pair().access
        func code(_ query: String) -> String {
            let answer = world.send(Ask("GET", "\(path)?\(query)").bearer(token))
            return answer.status == 200 ? "" : answer.code ?? ""
        }
        let malformed = path == "/auth" ? "condition_invalid" : "request_malformed"
        #expect(code("issuer=https://auth.example&client_id=first-party&required_claims=sub+amr") == "")
        #expect(code("claims=%7B%22amr%22:%22pwd%22%7D") == "")
        #expect(code("claims=%7B%22amr%22:%22otp%22%7D") == "claim_mismatch")
        #expect(code("subject=x") == "subject_mismatch" && code("issuer=x") == "issuer_mismatch")
        #expect(code("required_claims=email") == "claim_missing")
        for query in ["claims=x", "claims=false", "claims=", "required_claims=sub++amr", "issuer=", "min_seq=-1"] {
            #expect(code(query) == malformed, "\(query)")
        }
    }

    @Test func `a subject is that of the token`() throws {
        let token = world.pair().access
        let claims = try #require(world.verify(token).json["claims"] as? [String: Any])
        let subject = try #require(claims["sub"] as? String)
        #expect(world.send(Ask("GET", "/verify?subject=\(subject)").bearer(token)).status == 200)
        #expect(world.send(Ask("GET", "/verify?subject=\(subject.uppercased())").bearer(token)).status == 401)
    }

    @Test func `min_seq is met from the durable record on`() throws {
        let token = world.pair().access
        let seq = try #require(world.revoke(world.pair().access).revocationSeq)
        func ask(_ sequence: some CustomStringConvertible) -> Answer {
            world.send(Ask("GET", "/verify?min_seq=\(sequence)").bearer(token))
        }
        #expect(ask(seq).status == 200)
        let early = ask(seq + 1)
        #expect(early.status == 503 && early.code == "sequence_not_reached" && early["retry-after"] == "1")
        #expect(ask("1:\(seq)").status == 200 && ask("1:\(seq + 1)").code == "sequence_not_reached")
        _ = world.revoke(world.pair().access)
        #expect(ask(seq + 1).status == 200 && ask("1:\(seq + 1)").status == 200)
        for text in ["2:\(seq)", "2:0", "4294967295:1"] {
            let answer = ask(text)
            #expect(answer.status == 503 && answer.code == "sequence_unknown" && answer["retry-after"] == "1")
        }
    }

    @Test func `a revoked token is revoked, whatever else is asked`() {
        let token = world.pair().access
        _ = world.revoke(token)
        let answer = world.send(Ask("GET", "/verify?subject=x").bearer(token))
        #expect(["token_revoked", "session_revoked"].contains(answer.code))
    }
}
