import Foundation
import HTTP
@testable import HTTPServer
import Testing

@Suite("Outside cases of HTTP/1.1 (L1 to L5)")
struct WireVectorTests {
    /// Accepted by gunicorn and refused here, on purpose.
    static let deliberate: [String: RequestError] = [
        // A fragment is no part of a request target, RFC 9112 §3.2.
        "005": .malformedRequestLine,
        // User information in http targets is deprecated and misleads, RFC 9110 §4.2.4.
        "rfc9112_target_absolute_userinfo_01": .malformedRequestLine,
        // Not a proxy.
        "rfc9112_target_authority_ipv6_01": .malformedRequestLine,
        // No coding but chunked is supported.
        "025_line": .codingUnsupported,
        "029": .codingUnsupported,
        "rfc9112_smuggle_gzip_chunked_01": .codingUnsupported,
    ]

    /// Rejected as a whole by their source for what follows the first message.
    static let wholeFirst: Set<String> = [
        // The connection ends with its first message; llhttp faults on the second, the engine closes before it.
        "connection: No restart when keep-alive is off (1.0)",
        // The first is in order, the second is not.
        "connection: CRLF between requests, implicit `keep-alive`",
    ]

    /// Complete, and too long only for the bounds of their source.
    static let longByTheirMeasure: Set<String> = ["006", "008"]

    static func mostMessages(_ vector: WireVector) -> Int {
        max(vector.completeCount ?? 0, wholeFirst.contains(vector.id) ? 1 : 0)
    }

    static func limits(for vector: WireVector) -> Limits {
        var limits = Limits()
        if longByTheirMeasure.contains(vector.id) {
            (limits.targetByteCountMax, limits.headByteCountMax) = (4_094, 4_094)
        }
        return limits
    }

    /// gunicorn does not ask for Host (RFC 9112 §3.2); with one, its examples are whole.
    static func withHost(_ bytes: [UInt8]) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.lowercased().contains("\r\nhost:"), !text.contains(" HTTP/1.0\r\n") else { return bytes }
        return Array(text.replacing(" HTTP/1.1\r\n", with: " HTTP/1.1\r\nHost: a\r\n").utf8)
    }

    static func rejected() throws -> [WireVector] {
        try WireVector.gunicorn.filter { $0.verdict == "reject" }
            // A pause is an upgrade that the parser leaves to its user, not a fault.
            + WireVector.llhttp.filter { $0.verdict == "reject" && !($0.error ?? "").hasPrefix("Pause") }
    }

    @Test(arguments: try rejected())
    func `never completes a message that is to be rejected`(_ vector: WireVector) {
        let limits = Self.limits(for: vector)
        #expect(Reading(vector.bytes, limits: limits).messages.count <= Self.mostMessages(vector))
    }

    /// What is rejected only because it stops too early is complete with the rest.
    static let unfinished: Set<String> = [
        "rfc9112_chunked_missing_final_crlf_01", "invalid: HTTP protocol and ANNOUNCE method",
    ]

    @Test(arguments: try rejected().filter { !unfinished.contains($0.id) })
    func `never completes it when the head seems to end`(_ vector: WireVector) {
        let bytes = vector.bytes + Array("\r\n\r\n".utf8)
        #expect(Reading(bytes, limits: Self.limits(for: vector)).messages.count <= Self.mostMessages(vector))
    }

    @Test(arguments: try WireVector.gunicorn.filter { $0.verdict == "accept" })
    func `takes what is to be accepted, or refuses it on purpose`(_ vector: WireVector) {
        let reading = Reading(Self.withHost(vector.bytes))
        if let fault = Self.deliberate[vector.id] {
            #expect(reading.fault == fault)
        } else if vector.id == "021" {
            // The second message follows one that says close: the reader sees it, the connection does not.
            #expect(reading.messages.count == 2)
        } else {
            #expect(reading.messages.count == vector.requests)
            #expect(reading.fault == nil)
        }
    }

    @Test func `answers none of the rejected ones with success on a live connection`() throws {
        let server = try TestServer()
        defer { server.stop() }
        for vector in try Self.rejected() where !Self.longByTheirMeasure.contains(vector.id) {
            let client = try TestClient(port: server.port)
            client.send(vector.bytes)
            client.endSending()
            let answers = client.receiveAll().components(separatedBy: "HTTP/1.1 200 OK").count - 1
            #expect(answers <= Self.mostMessages(vector), "\(vector.id)")
        }
    }
}
