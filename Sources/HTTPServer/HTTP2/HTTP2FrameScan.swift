/// Finds the frame headers (RFC 9113 §4.1) in bytes that arrive in pieces, so that every frame is counted, including
/// frames of unknown types.
struct HTTP2FrameScan {
    struct Head {
        var type: UInt8
        var flags: UInt8
        var byteCount: Int
    }

    private static let headByteCount = 9

    /// Bytes to skip before the next frame header; initially the connection preface.
    private var rest = 24
    private var partial: [UInt8] = []

    /// Calls `body` with each complete frame header.
    mutating func scan(_ octets: UnsafeBufferPointer<UInt8>, _ body: (Head) -> Void) {
        var index = 0
        while index < octets.count {
            if rest > 0 {
                let skipped = min(rest, octets.count - index)
                rest -= skipped
                index += skipped
            } else if partial.isEmpty, octets.count - index >= Self.headByteCount {
                let head = unsafe (octets[index], octets[index + 1], octets[index + 2])
                rest = Int(head.0) << 16 | Int(head.1) << 8 | Int(head.2)
                body(unsafe Head(type: octets[index + 3], flags: octets[index + 4], byteCount: rest))
                index += Self.headByteCount
            } else {
                let wanted = min(Self.headByteCount - partial.count, octets.count - index)
                unsafe partial.append(contentsOf: octets[index..<(index + wanted)])
                index += wanted
                guard partial.count == Self.headByteCount else { return }
                rest = Int(partial[0]) << 16 | Int(partial[1]) << 8 | Int(partial[2])
                body(Head(type: partial[3], flags: partial[4], byteCount: rest))
                partial.removeAll(keepingCapacity: true)
            }
        }
    }
}
