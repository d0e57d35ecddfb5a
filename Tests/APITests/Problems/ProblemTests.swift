import Foundation
import HTTP
import Testing

@testable import API

@Suite("Problem documents, RFC 9457")
struct ProblemTests {
    @Test(arguments: ["a\"b", "a\\b", "\u{0}\n\u{1f}", "\",\"code\":\"x", "é 😀"])
    func `a detail is one JSON string, whatever it quotes`(_ detail: String) throws {
        var response = Response()
        Problem(.requestMalformed, detail).write(to: &response, requestID: RequestID(prefix: 1), isOAuth: true)
        let body = try #require(JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
        #expect(body["detail"] as? String == detail)
        #expect(body["code"] as? String == "request_malformed" && body["error"] as? String == "invalid_request")
    }
}
