import Testing

@testable import martlet

@Suite("What the operator client reads")
struct ServiceStatusTests {
    private static let text = """
        {"version":"1","pid":7,"started":"2026-01-01T00:00:00.000Z","status":"not_ready","reasons":["draining"],
         "issuer":"https://a","audiences":["api"],"journal":{"seq":9,"writable":true,"conditions":["x"]},
         "keys":[{"kid":"k\\u0031","alg":"RS256","purpose":"access","state":"compromised","compromised":true,
         "revoked":false}],"users":2,"clients":3,"sessions":4,"later":{"x":[1]},
         "reloads":{"keys":{"ok":false,"last_attempt":"b","last_success":"a","reason":"why"}},"paths":{"keys":"/k"}}
        """

    @Test func `reads every member`() throws {
        let status = try #require(ServiceStatus(Array(Self.text.utf8)))
        #expect(status.version == "1" && status.pid == 7 && status.sequence == 9 && status.isJournalWritable)
        #expect(!status.isReady && status.reasons == ["draining"] && status.journalConditions == ["x"])
        #expect(status.issuer == "https://a" && status.audiences == ["api"])
        #expect(
            status.userCount == 2 && status.clientCount == 3 && status.sessionCount == 4
                && status.paths == ["keys": "/k"])
        #expect(
            status.keys == [
                .init(
                    kid: "k1", algorithm: "RS256", purpose: "access", state: "compromised", isCompromised: true,
                    isRevoked: false)
            ])
        #expect(
            status.reload(of: "keys")
                == .init(source: "keys", isCurrent: false, lastAttempt: "b", lastSuccess: "a", reason: "why"))
        #expect(status.reload(of: "tls") == nil)
    }

    @Test func `a follower says whom it follows`() throws {
        let member =
            "\"following\":{\"source\":\"https://b\",\"condition\":\"away\",\"stale\":true,\"age_ms\":5,\"position\":\"1:9\"},"
        let text = Self.text.replacing("\"users\":2", with: member + "\"users\":2")
        let status = try #require(ServiceStatus(Array(text.utf8)))
        #expect(status.followed == .init(source: "https://b", condition: "away", age: 5, position: "1:9"))
        #expect(StatusCommand.text(status).contains("https://b, 5 ms old, record 1:9, away"))
        #expect(try #require(ServiceStatus(Array(Self.text.utf8))).followed == nil)
    }

    @Test func `a service without a list of sessions, or of the version before, has no number of them`() throws {
        for text in ["\"sessions\":null", "\"other\":1"] {
            let status = ServiceStatus(Array(Self.text.replacing("\"sessions\":4", with: text).utf8))
            #expect(try #require(status).sessionCount == nil)
        }
    }

    @Test(arguments: ["", "[]", "{}", "{\"version\":1}", "nonsense", "{\"version\":\"1\",\"pid\":7,\"started\":\"x\"}"])
    func `is nothing where members are missing or of another kind`(_ text: String) {
        #expect(ServiceStatus(Array(text.utf8)) == nil)
    }

    @Test func `the socket is the first Unix address of the operator's`() {
        let name = "MARTLET_OPERATOR_LISTEN"
        #expect(OperatorClient([name: "127.0.0.1:1, unix:/run/a.sock?mode=0600,unix:/b"])?.path == "/run/a.sock")
        #expect(OperatorClient([name: "127.0.0.1:8081"]) == nil && OperatorClient([:]) == nil)
        #expect(OperatorClient([name: ""]) == nil)
    }

    @Test func `a socket that is not there is told of as a service that does not run`() {
        let client = OperatorClient(path: "/nonexistent/operator.sock")
        #expect(throws: OperatorError.notRunning("/nonexistent/operator.sock")) { try client.status() }
    }
}
