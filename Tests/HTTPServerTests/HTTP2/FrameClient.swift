@testable import HTTPServer

/// A blocking HTTP/2 client (RFC 9113) that sends and shows single frames.
final class FrameClient {
    struct Frame {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var content: [UInt8]

        var endsStream: Bool { flags & 1 != 0 }
    }

    static let (data, headers, reset, settings, goAway, windowUpdate) = (
        UInt8(0), UInt8(1), UInt8(3), UInt8(4), UInt8(7), UInt8(8)
    )

    private let client: TestClient

    /// - Parameter window: the flow-control window of each stream.
    init(port: UInt16, window: UInt32) throws {
        client = try TestClient(port: port)
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        send(Self.settings, content: [0, 4] + Self.bytes(window))
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - $0 * 8)) }
    }

    func send(_ type: UInt8, _ flags: UInt8 = 0, stream: UInt32 = 0, content: [UInt8] = []) {
        let count: [UInt8] = Array(Self.bytes(UInt32(content.count)).dropFirst())
        client.send(count + [type, flags] + Self.bytes(stream) + content)
    }

    /// Sends a request without content. Its fields are literals without indexing (RFC 7541 §6.2.2).
    func ask(_ path: String, stream: UInt32, method: String = "GET") {
        var fields: [UInt8] = [0x02, UInt8(method.utf8.count)] + Array(method.utf8)
        fields += [0x86, 0x04, UInt8(path.utf8.count)] + Array(path.utf8) + [0x01, 1, UInt8(ascii: "a")]
        send(Self.headers, 5, stream: stream, content: fields)
    }

    /// Acknowledges the settings of the server, from where on they apply.
    func acceptSettings() {
        _ = receive(Self.settings, stream: 0)
        send(Self.settings, 1)
    }

    /// Sends the head of a request whose content follows.
    func post(_ path: String, stream: UInt32) {
        var fields: [UInt8] = [0x83, 0x86, 0x04, UInt8(path.utf8.count)] + Array(path.utf8)
        fields += [0x01, 1, UInt8(ascii: "a")]
        send(Self.headers, 4, stream: stream, content: fields)
    }

    /// Sends a part of `content` in frames of the greatest size that every server accepts.
    ///
    /// - Returns: the end of the part.
    func sendContent(_ content: [UInt8], from start: Int, to end: Int, stream: UInt32, ends: Bool = false) -> Int {
        var start = start
        while start < end {
            let next = min(end, start + 16_384)
            send(Self.data, ends && next == end ? 1 : 0, stream: stream, content: Array(content[start..<next]))
            start = next
        }
        return end
    }

    func grow(stream: UInt32, by count: Int) {
        guard count > 0 else { return }
        send(Self.windowUpdate, stream: stream, content: Self.bytes(UInt32(count)))
    }

    /// - Returns: nil at the end of the connection, or if nothing comes.
    func receive() -> Frame? {
        let head = client.receive(exactly: 9)
        guard head.count == 9 else { return nil }
        let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
        let content = client.receive(exactly: count)
        guard content.count == count else { return nil }
        let stream = head[5...].reduce(0) { $0 << 8 | UInt32($1) }
        return Frame(type: head[3], flags: head[4], stream: stream, content: content)
    }

    /// Receives until one of the next frames fits.
    func receive(_ type: UInt8, stream: UInt32) -> Frame? {
        while let frame = receive() {
            if frame.type == type, frame.stream == stream { return frame }
        }
        return nil
    }
}
