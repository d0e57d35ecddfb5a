import HTTP
@testable import HTTPServer
import Testing

@Suite("HTTP/1.1 messages, RFC 9112 (L1 to L6)")
struct HTTP1ReaderTests {
    struct Refusal: CustomTestStringConvertible {
        var text: String
        var fault: RequestError
        var testDescription: String { text.debugDescription }
    }

    /// A whole message with `lines` behind its Host.
    private static func post(_ lines: String, _ body: String = "") -> String {
        "POST /p HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\(body)"
    }

    private static func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n" }

    private static func host(_ value: String) -> String { "GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n" }

    private static func chunks(_ body: String) -> String { post("Transfer-Encoding: chunked\r\n", body) }

    @Test func `takes a request apart`() throws {
        let reading = Reading(
            "\r\nPOST /a/b%20c?d=e?f HTTP/1.1\r\nHost: example.com:8080\r\nX-Empty:\r\n"
                + "ACCEPT: \t x y \t\r\nContent-Length: 5\r\n\r\nhello"
        )
        #expect(reading.fault == nil)
        let message = try #require(reading.messages.first)
        #expect(message.method == .post)
        #expect(message.path == "/a/b%20c")
        #expect(message.query == "d=e?f")
        #expect(
            message.fields == [
                ["host", "example.com:8080"], ["x-empty", ""], ["accept", "x y"], ["content-length", "5"],
            ])
        #expect(message.body == Array("hello".utf8))
    }

    @Test(arguments: [
        ("http://a", "/", ""), ("HTTP://A/", "/", ""), ("https://a/b/c", "/b/c", ""), ("http://a?x=y", "/", "x=y"),
        ("http://a/b?c=d/e", "/b", "c=d/e"), ("/b?http://c/", "/b", "http://c/"), ("//a/b", "//a/b", ""),
    ])
    func `takes a target apart`(_ target: String, path: String, query: String) throws {
        let message = try #require(Reading(Self.get(target)).messages.first)
        #expect(message.path == path)
        #expect(message.query == query)
    }

    @Test func `joins chunks and drops extensions and trailers`() throws {
        let reading = Reading(
            Self.chunks(
                "5;a; b=c;\td=\"e \\\" f\"\r\nhello\r\n00A\r\n, chunks..\r\n0;end\r\nX-Sum: 1\r\nY:\r\n\r\n")
                + Self.get("/next"))
        #expect(reading.fault == nil)
        #expect(reading.messages.map(\.path) == ["/p", "/next"])
        #expect(reading.messages.first?.body == Array("hello, chunks..".utf8))
    }

    @Test func `takes HTTP 1.0 without Host`() {
        #expect(Reading("GET / HTTP/1.0\r\n\r\n").messages.count == 1)
    }

    static let requestLines: [(String, RequestError)] = [
        ("GET  / HTTP/1.1", .malformedRequestLine), ("GET /  HTTP/1.1", .malformedRequestLine),
        ("GET / HTTP/1.1 ", .malformedRequestLine), (" GET / HTTP/1.1", .malformedRequestLine),
        ("GET\t/ HTTP/1.1", .malformedRequestLine), ("GET /", .malformedRequestLine),
        ("G@T / HTTP/1.1", .malformedRequestLine), ("GET\0 / HTTP/1.1", .malformedRequestLine),
        ("GÉT / HTTP/1.1", .malformedRequestLine), ("GET / http/1.1", .malformedRequestLine),
        ("GET / HTTP/1.1\r", .malformedRequestLine), ("GET / HTTP/11.1", .malformedRequestLine),
        ("GET /\u{7f} HTTP/1.1", .malformedRequestLine), ("GET /é HTTP/1.1", .malformedRequestLine),
        ("GET /a#b HTTP/1.1", .malformedRequestLine), ("GET a HTTP/1.1", .malformedRequestLine),
        ("GET * HTTP/1.1", .malformedRequestLine), ("GET a:443 HTTP/1.1", .malformedRequestLine),
        ("CONNECT a:443 HTTP/1.1", .malformedRequestLine), ("CONNECT / HTTP/1.1", .malformedRequestLine),
        ("GET ftp://a/ HTTP/1.1", .malformedRequestLine), ("GET http:///b HTTP/1.1", .malformedRequestLine),
        ("GET http://u@a/ HTTP/1.1", .malformedRequestLine), ("GET http://b/ HTTP/1.1", .hostMissingOrRepeated),
        ("GET / HTTP/1.2", .versionUnsupported), ("GET / HTTP/2.0", .versionUnsupported),
        ("GET / HTTP/0.9", .versionUnsupported), ("PRI * HTTP/2.0", .versionUnsupported),
        ("\r\n\r\nGET / HTTP/1.1", .malformedRequestLine),
        (String(repeating: "A", count: 33) + " / HTTP/1.1", .malformedRequestLine),
        ("GET /" + String(repeating: "a", count: 8_192) + " HTTP/1.1", .targetTooLong),
    ]

    static let fields: [(String, RequestError)] = [
        (post("X : y\r\n"), .malformedField), (post(" X: y\r\n"), .malformedField),
        (post("X: y\r\n z\r\n"), .malformedField),
        (post("X y\r\n"), .malformedField), (post(": y\r\n"), .malformedField), (post("X: a\0b\r\n"), .malformedField),
        (post("X: a\rb\r\n"), .malformedField), (post("X: a\nY: b\r\n"), .malformedField),
        (post("X: a\u{1b}\r\n"), .malformedField),
        (post("X: a\u{7f}\r\n"), .malformedField), (post("X\0: a\r\n"), .malformedField),
        (post("É: a\r\n"), .malformedField),
        (post("Content-Type: a/b\r\nContent-Type: a/c\r\n"), .malformedField),
        ("GET / HTTP/1.1\r\nHost: a\n\n", .malformedField), ("GET / HTTP/1.1\r\nHost: a\r\n\n", .malformedField),
        ("GET / HTTP/1.1\r\nX: y\r\n\r\n", .hostMissingOrRepeated), (post("Host: a\r\n"), .hostMissingOrRepeated),
        (post("Expect: 200-ok\r\n"), .expectationFailed),
        (post(String(repeating: "X: y\r\n", count: 100)), .headTooLarge),
        (post("X: " + String(repeating: "y", count: 16_384) + "\r\n"), .headTooLarge),
    ]

    static let hosts: [String] = [
        "", "a b", "a/b", "a@b", "a?b", "a#b", "a:b", "a:1:2", ":80", "[::1", "[]", "::1", "[::1]x", "a]", "é", "a\\b",
    ]

    static let framing: [(String, RequestError)] = [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", .ambiguousFraming),
        ("Content-Length: 5, 5\r\n", .ambiguousFraming),
        ("Content-Length: +5\r\n", .ambiguousFraming), ("Content-Length: -5\r\n", .ambiguousFraming),
        ("Content-Length: 5 5\r\n", .ambiguousFraming), ("Content-Length: 0x5\r\n", .ambiguousFraming),
        ("Content-Length:\r\n", .ambiguousFraming), ("Content-Length: 5_0\r\n", .ambiguousFraming),
        ("Content-Length: 65537\r\n", .bodyTooLarge), ("Content-Length: 18446744073709551621\r\n", .bodyTooLarge),
        ("Content-Length: 9223372036854775808\r\n", .bodyTooLarge),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked, gzip\r\n", .ambiguousFraming),
        ("Transfer-Encoding: identity\r\n", .ambiguousFraming),
        ("Transfer-Encoding: xchunked\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked;a=b\r\n", .ambiguousFraming),
        ("Transfer-Encoding:\r\n", .ambiguousFraming), ("Transfer-Encoding: chunked, chunked\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", .ambiguousFraming),
        ("Transfer-Encoding: gzip, chunked\r\n", .codingUnsupported),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", .codingUnsupported),
    ]

    /// Content that is right by its chunks and by its length, so that nothing but the two fields is at fault.
    static let twoFramings = [
        "Content-Length: 15\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 15\r\n",
    ]
    .map { Refusal(text: post($0, "5\r\nhello\r\n0\r\n\r\n"), fault: .ambiguousFraming) }

    static let chunkLines: [(String, RequestError)] = [
        ("+5\r\nhello", .ambiguousFraming), ("-5\r\nhello", .ambiguousFraming), ("0x5\r\nhello", .ambiguousFraming),
        ("5_\r\nhello", .ambiguousFraming), ("\r\nhello", .ambiguousFraming), (" 5\r\nhello", .ambiguousFraming),
        ("5 \r\nhello", .ambiguousFraming), ("5\nhello", .ambiguousFraming), ("5\r\rhello", .ambiguousFraming),
        ("5;\r\nhello", .ambiguousFraming), ("5;a=\r\nhello", .ambiguousFraming),
        ("5;a\rb\r\nhello", .ambiguousFraming),
        ("5;a=\"\nb\"\r\nhello", .ambiguousFraming), ("5 ;a\r\nhello", .ambiguousFraming),
        ("5\r\nhello0\r\n\r\n", .ambiguousFraming),
        ("5\r\nhello\n0\r\n\r\n", .ambiguousFraming), ("4\r\nhello\r\n0\r\n\r\n", .ambiguousFraming),
        ("g\r\n", .ambiguousFraming), ("10001\r\n", .bodyTooLarge), ("ffffffffffffffff\r\n", .bodyTooLarge),
        ("10000000000000005\r\nhello", .bodyTooLarge), (String(repeating: "0", count: 256), .ambiguousFraming),
        ("5;" + String(repeating: "a", count: 256), .ambiguousFraming),
        (String(repeating: "1\r\nx\r\n", count: 4_000), .bodyTooLarge),
        ("0\r\n X: y\r\n\r\n", .malformedField), ("0\r\nX : y\r\n\r\n", .malformedField),
        ("0\r\nX: y\n\r\n", .malformedField),
        ("0\r\nContent-Length: 9\r\n\r\n", .malformedField),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", .malformedField),
        ("0\r\nHost: b\r\n\r\n", .malformedField),
        ("0\r\n" + String(repeating: "X: y\r\n", count: 4_000), .headTooLarge),
        ("0\r\nX: " + String(repeating: "y", count: 20_000), .headTooLarge),
    ]

    static func refusals() -> [Refusal] {
        var all = requestLines.map { Refusal(text: $0.0 + "\r\nHost: a\r\n\r\n", fault: $0.1) }
        all += fields.map { Refusal(text: $0.0, fault: $0.1) }
        all += hosts.map { Refusal(text: host($0), fault: .hostMissingOrRepeated) }
        all += framing.map { Refusal(text: post($0.0, "hello"), fault: $0.1) } + twoFramings
        all += chunkLines.map { Refusal(text: chunks($0.0), fault: $0.1) }
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        return all + [Refusal(text: old, fault: .ambiguousFraming)]
    }

    @Test(arguments: refusals())
    func `refuses, delivered whole or in pieces`(_ refusal: Refusal) {
        let bytes = Array(refusal.text.utf8)
        let whole = Reading(bytes)
        #expect(whole.fault == refusal.fault)
        #expect(whole.messages.isEmpty)
        let step = bytes.count > 1_000 ? 61 : 1
        let pieces = Reading(bytes, cuts: Array(stride(from: 1, to: bytes.count, by: step)))
        #expect(pieces.messages.isEmpty)
        #expect(pieces.fault == refusal.fault)
    }

    @Test func `a long value may hold every octet but the control characters, wherever it stands`() {
        let (start, end) = (Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8), Array("\r\n\r\n".utf8))
        for place in 1..<80 {
            for octet in UInt8.min...UInt8.max {
                var value = [UInt8](repeating: UInt8(ascii: "v"), count: 81)
                value[place] = octet
                let isText = octet == 0x09 || (octet >= 0x20 && octet != 0x7f)
                let reading = Reading(start + value + end)
                let fault: RequestError? = isText ? nil : .malformedField
                #expect(reading.fault == fault && reading.messages.count == (isText ? 1 : 0), "\(octet) at \(place)")
            }
        }
    }

    @Test(arguments: ["a", "A.b-c_d~e", "a:80", "a:", "[::1]", "[::1]:80", "127.0.0.1:1", "0.0.0.0=5000", "a%20b"])
    func `takes a Host`(_ value: String) {
        #expect(Reading(Self.host(value)).messages.count == 1)
    }

    @Test func `refuses a line that does not end before it grows too long`() {
        #expect(Reading("GET /" + String(repeating: "a", count: 9_000)).fault == .targetTooLong)
        #expect(Reading("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 17_000)).fault == .headTooLarge)
        #expect(Reading(String(repeating: "a", count: 40)).fault == .malformedRequestLine)
    }

    @Test func `takes what is exactly at its limits`() {
        var limits = Limits()
        limits.bodyByteCountMax = 5
        limits.fieldCountMax = 2
        limits.targetByteCountMax = 2
        #expect(
            Reading("GET /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", limits: limits).messages.count == 1)
        #expect(Reading(Self.get("/pq"), limits: limits).fault == .targetTooLong)
        #expect(Reading(Self.post("Content-Length: 6\r\n"), limits: limits).fault == .bodyTooLarge)
        #expect(Reading(Self.chunks("3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n"), limits: limits).fault == .bodyTooLarge)
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        limits.headByteCountMax = head.utf8.count
        #expect(Reading(head, limits: limits).messages.count == 1)
        limits.headByteCountMax -= 1
        #expect(Reading(head, limits: limits).fault == .headTooLarge)
    }

    @Test func `trailers at their limit are judged alike however they are delivered`() {
        let bytes = Array(Self.chunks("5\r\nhello\r\n0\r\nT: u\r\n\r\n").utf8)
        var verdicts: Set<Bool> = []
        for limit in 1...32 {
            var limits = Limits()
            limits.chunkOverheadMax = limit
            let whole = Reading(bytes, limits: limits)
            verdicts.insert(whole.fault == nil)
            for cut in 1..<bytes.count {
                #expect(Reading(bytes, cuts: [cut], limits: limits) == whole, "\(limit), \(cut)")
            }
        }
        #expect(verdicts == [true, false])
    }

    @Test func `an incomplete message is continued without its old bytes`() throws {
        let text = Self.chunks(
            String(repeating: "1;a=b\r\nx\r\n", count: 500) + "0\r\nT: u\r\n\r\n")
        let bytes = Array(text.utf8)
        var request = Request(byteCount: bytes.count)
        var reader = HTTP1Reader(limits: Limits())
        var input: [UInt8] = []
        var readCount = 0
        for (index, octet) in bytes.enumerated() {
            input.append(octet)
            // What was parsed before is gone, except for the line that is incomplete.
            if index > 32, reader.isInContent { input[index - 32] = 0 }
            if reader.needsMore(&input) { continue }
            readCount += 1
            for place in 0...index { request.bytes[place] = bytes[place] }
            let progress = reader.read(&request, from: 0, to: index + 1)
            #expect(progress == (index == bytes.count - 1 ? .complete(consumed: bytes.count) : .needsMore))
        }
        #expect(Array(request.bytes[request.body]) == [UInt8](repeating: UInt8(ascii: "x"), count: 500))
        // The first byte, each line of the head, and the end.
        #expect(readCount <= 8)
    }

    @Test(arguments: [21, 22])
    func `continuing says what reading says`(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let texts =
            Self.chunkLines.map { Self.chunks($0.0) } + [
                Self.chunks("5\r\nhello\r\n1;x=\"y\"\r\n!\r\n0\r\nT: u\r\n\r\n"), Self.get("/a"),
                Self.post("Content-Length: 10\r\n", "0123456789"),
            ]
        for text in texts {
            let bytes = Array((text + "\r\n").utf8)
            for _ in 0..<30 {
                var reader = HTTP1Reader(limits: Limits())
                var request = Request(byteCount: bytes.count)
                var (input, end, progress) = ([UInt8](), 0, HTTP1Reader.Progress.needsMore)
                while end < bytes.count, progress == .needsMore {
                    let next = Int.random(in: end + 1...min(bytes.count, end + 9), using: &random)
                    input += bytes[end..<next]
                    end = next
                    if reader.needsMore(&input) { continue }
                    for place in 0..<end { request.bytes[place] = bytes[place] }
                    progress = reader.read(&request, from: 0, to: end)
                }
                let whole = Reading(bytes)
                switch progress {
                case .fault(let fault): #expect(whole.fault == fault, "\(text)")
                case .complete: #expect(whole.messages.first == Understood(request), "\(text)")
                case .needsMore: #expect(whole == Reading(), "\(text)")
                }
            }
        }
    }

    @Test func `a TLS hello is not a request`() {
        #expect(Reading([0x16, 0x03, 0x01, 0x02, 0x00]).fault == .malformedRequestLine)
    }

    @Test(arguments: [0, 1, 2])
    func `understands the same however the octets are delivered`(seed: UInt64) {
        let bytes = Array(
            (Self.get("/a?b") + Self.chunks("5\r\nhello\r\n1;x=\"y\"\r\n!\r\n0\r\nT: u\r\n\r\n") + "\r\n"
                + Self.post("Content-Length: 10\r\nX-Case: Kept\r\n", "0123456789") + Self.get("http://a/z")).utf8)
        let whole = Reading(bytes)
        #expect(whole.messages.count == 4)
        #expect(Reading(bytes, cuts: Array(1..<bytes.count)) == whole)
        var random = SeededGenerator(state: seed)
        for _ in 0..<200 {
            let cuts = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                Int.random(in: 1..<bytes.count, using: &random)
            }
            #expect(Reading(bytes, cuts: cuts.sorted()) == whole)
        }
    }

    @Test(arguments: [11, 12, 13, 14])
    func `survives mutations, and pieces never change the verdict`(seed: UInt64) throws {
        let seeds = try WireVector.gunicorn.map(\.bytes).filter { $0.count < 2_000 }
        let spice: [[UInt8]] = [
            "\r\n", "\r", "\n", "\0", " ", ":", "\t", "0", "ffff", "Host: a\r\n", "Content-Length: 3\r\n", ";",
        ]
        .map { Array($0.utf8) }
        var random = SeededGenerator(state: seed)
        for round in 0..<2_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<max(1, bytes.count), using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: spice[Int.random(in: 0..<spice.count, using: &random)], at: index)
                default: bytes.removeSubrange(index..<min(bytes.count, index + 9))
                }
                if bytes.isEmpty { bytes = [UInt8(ascii: "G")] }
            }
            // A line that came in pieces is judged when it ends.
            bytes += Array("\r\n".utf8)
            let cuts = (0..<3).map { _ in Int.random(in: 0..<bytes.count, using: &random) }.sorted()
            #expect(
                Reading(bytes, cuts: cuts) == Reading(bytes),
                "\(String(decoding: bytes, as: UTF8.self).debugDescription)")
        }
    }
}
