import HTTPClient
import Testing

@Suite("Answers of HTTP/1.1, RFC 9112")
struct ResponseReaderTests {
    /// Reads a whole connection, in pieces of `step` octets.
    private func read(_ text: String, step: Int = 7, bodyMax: Int = 64) throws(ResponseError) -> Answer {
        var reader = ResponseReader(bodyByteCountMax: bodyMax)
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            try reader.take(Array(rest.prefix(step)))
            rest = rest.dropFirst(step)
        }
        if !reader.isDone { try reader.end() }
        guard let answer = reader.answer else { throw .cutShort }
        return answer
    }

    private func body(_ text: String, step: Int = 7) throws -> String {
        String(decoding: try read(text, step: step).body, as: UTF8.self)
    }

    @Test(arguments: [1, 2, 3, 1_000])
    func `reads every framing, however it is cut`(_ step: Int) throws {
        #expect(try body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", step: step) == "hello")
        #expect(try body("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", step: step).isEmpty)
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1 ;x\r\n!\r\n0\r\nT: v\r\n\r\n"
        #expect(try body(chunked, step: step) == "hello!")
        #expect(try body("HTTP/1.0 200\r\n\r\nto the end", step: step) == "to the end")
        #expect(
            try body("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 \r\nContent-Length: 3\r\n\r\n", step: step)
                .isEmpty)
        #expect(try read("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", step: step).field("etag") == "\"a\"")
    }

    @Test func `a field that stands twice is no field`() throws {
        let answer = try read(
            "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nETag: \"b\"\r\nAge: \t 5 \r\nContent-Length: 0\r\n\r\n")
        #expect(answer.field("etag") == nil && answer.field("age") == "5")
        #expect(answer.fields.map(\.name) == ["etag", "etag", "age", "content-length"])
    }

    @Test func `what comes after the answer is left alone`() throws {
        #expect(try body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 500 No\r\n\r\n") == "hi")
    }

    @Test(arguments: [
        "\r\n", "HTTP/1.1\r\n", "HTTP/2 200 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 +20 OK\r\n",
        "HTTP/1.1 099 OK\r\n", "HTTP/1.1 600 OK\r\n", " HTTP/1.1 200 OK\r\n", "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 200 OK\n", "HTTP/1.1 200 O\u{0}K\r\n", "ICY 200 OK\r\n", "<html>\r\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n", "HTTP/1.1 200 OK\r\n: c\r\n", "HTTP/1.1 200 OK\r\nA : c\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", "HTTP/1.1 200 OK\r\nA: b\rc\r\n", "HTTP/1.1 200 OK\r\nnone\r\n",
        "HTTP/1.1 200 OK\r\nA: b\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000001\r\na\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n",
        String(repeating: "HTTP/1.1 100 Go on\r\n\r\n", count: 5),
    ])
    func `refuses what is not well-formed`(_ text: String) {
        #expect(throws: ResponseError.malformed) { try read(text) }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na",
    ])
    func `refuses codings that were not asked for`(_ text: String) {
        #expect(throws: ResponseError.coding) { try read(text) }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 65),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + String(repeating: "a", count: 64) + "\r\n1\r\n",
    ])
    func `refuses more content than there may be`(_ text: String) {
        #expect(throws: ResponseError.bodyTooLarge) { try read(text) }
    }

    @Test func `refuses a head without an end`() {
        let line = "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 9_000)
        #expect(throws: ResponseError.headTooLarge) { try read(line, step: 512) }
        let many = "HTTP/1.1 200 OK\r\n" + String(repeating: "A: bcdefgh\r\n", count: 2_000)
        #expect(throws: ResponseError.headTooLarge) { try read(many, step: 512) }
        let trailers =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "A: b\r\n", count: 4_000)
        #expect(throws: ResponseError.headTooLarge) { try read(trailers, step: 512) }
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ])
    func `an answer that breaks off is none`(_ text: String) {
        #expect(throws: ResponseError.cutShort) { try read(text) }
    }

    @Test func `many small chunks are content, not head`() throws {
        let chunks = String(repeating: "1\r\na\r\n", count: 5_000)
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n"
        #expect(try read(text, step: 997, bodyMax: 5_000).body.count == 5_000)
    }
}
