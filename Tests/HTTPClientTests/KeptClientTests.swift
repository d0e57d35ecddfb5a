import Glibc
@testable import HTTPClient
import Platform
import Synchronization
import Testing

/// Answers the requests of one test with fixed bytes, each answer on the connection that is open, or on the next one.
private final class Listener: Sendable {
    enum Step: Sendable {
        case answer(String)
        /// Closes the connection without an answer.
        case close
    }

    private final class Seen: Sendable {
        let all = Mutex<[[String]]>([])
    }

    let port: UInt16
    private let seen = Seen()
    private let thread: Thread

    /// The requests of each connection.
    var requests: [[String]] {
        thread.join()
        return seen.all.withLock { $0 }
    }

    init(_ connections: [[Step]]) throws {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(file, raw, size) == 0 && listen(file, 8) == 0 && getsockname(file, raw, &size) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
        thread = try Thread(name: "listener") { [seen] in
            for steps in connections {
                let connection = accept(file, nil, nil)
                var requests: [String] = []
                for step in steps {
                    guard let request = Self.head(connection) else { break }
                    requests.append(request)
                    guard case .answer(let text) = step else { break }
                    let octets = Array(text.utf8)
                    _ = octets.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                }
                close(connection)
                seen.all.withLock { $0.append(requests) }
            }
            close(file)
        }
    }

    private static func head(_ connection: Int32) -> String? {
        var octets: [UInt8] = []
        while !octets.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            var octet: UInt8 = 0
            guard recv(connection, &octet, 1, 0) == 1 else { return nil }
            octets.append(octet)
        }
        return String(decoding: octets, as: UTF8.self)
    }
}

private final class Pieces: ContentSink {
    private(set) var all: [[UInt8]] = []
    private let fault: FetchError?

    init(fault: FetchError? = nil) { self.fault = fault }

    func take(_ part: [UInt8]) throws(FetchError) {
        if let fault { throw fault }
        all.append(part)
    }
}

@Suite("A client that keeps its connection")
struct KeptClientTests {
    private func client(_ port: UInt16, credentials: BasicCredentials? = nil) throws -> KeptClient {
        KeptClient(try WebAddress("http://127.0.0.1:\(port)/"), credentials: credentials)
    }

    private func ok(_ body: String, _ fields: String = "") -> Listener.Step {
        .answer("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    @Test func `several requests share one connection`() throws {
        let listener = try Listener([[ok("one", "Revocation-Seq: 1:7\r\n"), ok("two")]])
        let client = try client(listener.port, credentials: BasicCredentials(id: "edge one", secret: "s:é+"))
        let first = try client.get("/a?b=c", accept: "text/plain", fields: [("X", "y")])
        #expect(first.body == Array("one".utf8) && first.field("revocation-seq") == "1:7" && client.isConnected)
        #expect(try client.get("/d", accept: "*/*", isPrivate: false).body == Array("two".utf8))
        client.close()
        let requests = try #require(listener.requests.first)
        #expect(requests.count == 2)
        #expect(requests[0].hasPrefix("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:\(listener.port)\r\n"))
        #expect(requests[0].contains("\r\nAccept: text/plain\r\n") && requests[0].contains("\r\nX: y\r\n"))
        // `edge+one:s%3A%C3%A9%2B`, as RFC 6749 §2.3.1 asks for.
        #expect(requests[0].contains("\r\nAuthorization: Basic ZWRnZStvbmU6cyUzQSVDMyVBOSUyQg==\r\n"))
        #expect(!requests[1].contains("Authorization"))
    }

    @Test(arguments: ["Connection: close\r\n", "connection: keep-alive, Close\r\n"])
    func `a connection that the server ends is not used again`(_ field: String) throws {
        let listener = try Listener([[ok("one", field)], [ok("two")]])
        let client = try client(listener.port)
        #expect(try client.get("/", accept: "*/*").body == Array("one".utf8))
        #expect(!client.isConnected)
        #expect(try client.get("/", accept: "*/*").body == Array("two".utf8))
        client.close()
        #expect(listener.requests.map(\.count) == [1, 1])
    }

    @Test func `a request that a kept connection swallowed is sent again, once`() throws {
        let listener = try Listener([[ok("one"), .close], [ok("two"), .close], [.close]])
        let client = try client(listener.port)
        #expect(try client.get("/", accept: "*/*").body == Array("one".utf8))
        #expect(try client.get("/", accept: "*/*").body == Array("two".utf8))
        #expect(throws: FetchError.answer(.cutShort)) { try client.get("/", accept: "*/*") }
        #expect(!client.isConnected)
        #expect(listener.requests.map(\.count) == [2, 2, 1])
    }

    @Test func `bytes that no request asked for end the connection`() throws {
        let listener = try Listener([
            [.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n")], [ok("two")],
        ])
        let client = try client(listener.port)
        #expect(try client.get("/", accept: "*/*").body == Array("hi".utf8))
        #expect(!client.isConnected)
        #expect(try client.get("/", accept: "*/*").body == Array("two".utf8))
        client.close()
        _ = listener.requests
    }

    @Test func `content comes in pieces, an error as a whole`() throws {
        let text = String(repeating: "0123456789", count: 5_000)
        let listener = try Listener([[ok(text), .answer("HTTP/1.1 409 No\r\nContent-Length: 4\r\n\r\nhead")]])
        let client = try client(listener.port)
        let sink = Pieces()
        let answer = try client.get("/", accept: "*/*", into: sink)
        #expect(answer.body.isEmpty && sink.all.count > 1 && sink.all.flatMap { $0 } == Array(text.utf8))
        let count = sink.all.count
        let refused = try client.get("/", accept: "*/*", into: sink)
        #expect(sink.all.count == count, "the content of an error is not passed on")
        #expect(refused.status == 409 && refused.body == Array("head".utf8))
        client.close()
        _ = listener.requests
    }

    @Test func `a part that the reader rejects ends the connection`() throws {
        let listener = try Listener([[ok("data")]])
        let client = try client(listener.port)
        #expect(throws: FetchError.redirectedTooOften) {
            try client.get("/", accept: "*/*", into: Pieces(fault: .redirectedTooOften))
        }
        #expect(!client.isConnected)
        _ = listener.requests
    }

    @Test func `limits hold for content, for errors and in time`() throws {
        let large = String(repeating: "x", count: 70_000)
        let listener = try Listener([
            [ok("12345")], [.answer("HTTP/1.1 500 No\r\nContent-Length: 70000\r\n\r\n\(large)")],
            [.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow"), .close],
        ])
        let client = try client(listener.port)
        #expect(throws: FetchError.answer(.bodyTooLarge)) {
            try client.get("/", accept: "*/*", KeptClient.Limits(bodyByteCountMax: 4))
        }
        #expect(throws: FetchError.answer(.bodyTooLarge)) { try client.get("/", accept: "*/*") }
        #expect(throws: FetchError.timedOut(address: "127.0.0.1:\(listener.port)")) {
            try client.get("/", accept: "*/*", KeptClient.Limits(milliseconds: 100))
        }
        #expect(!client.isConnected)
        _ = listener.requests
    }

    @Test func `a redirect is an answer like another`() throws {
        let listener = try Listener([[.answer("HTTP/1.1 302 Go\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")]])
        let client = try client(listener.port)
        #expect(try client.get("/", accept: "*/*").status == 302)
        client.close()
        #expect(listener.requests.map(\.count) == [1])
    }
}
