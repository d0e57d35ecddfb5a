import Encoding
@testable import Redis

/// Replies of Redis: the same in pieces as in one, within the bounds, and nothing that is made of them traps.
enum RedisFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            guard let size = bytes.first, let whole = replies(bytes.dropFirst(), by: bytes.count) else { return }
            let pieces = replies(bytes.dropFirst(), by: Int(size % 31) + 1)
            demand(pieces == whole, "a reply does not depend on its pieces")
            for reply in whole {
                demand(depth(reply) <= ReplyBuilder.depthMax, "depth is bounded")
                read(reply)
            }
        }
    }

    /// - Returns: the replies up to the first fault; nil without the library.
    private static func replies(_ bytes: ArraySlice<UInt8>, by size: Int) -> [RedisReply]? {
        guard let reader = try? ReplyReader() else { return nil }
        var found: [RedisReply] = []
        var rest = bytes
        do {
            while !rest.isEmpty {
                let piece = Array(rest.prefix(size))
                rest = rest.dropFirst(size)
                try reader.feed(piece, count: piece.count)
                while let reply = try reader.next() { found.append(reply) }
            }
        } catch {
            // What came before it was read.
        }
        return found
    }

    private static func depth(_ reply: RedisReply) -> Int {
        guard case .array(let elements) = reply else { return 0 }
        return 1 + (elements.map(depth).max() ?? 0)
    }

    private static func read(_ reply: RedisReply) {
        _ = try? FoundHead(reply)
        _ = try? LogEntry(reply)
        _ = ServerRole(reply)
        _ = try? ServerFacts(info: reply)
        _ = try? RedisDurability.flaws(reply)
        if case .error(let text) = reply {
            _ = RedisErrors.fault(text)
            _ = RedisErrors.destination(text)
        }
        guard let bytes = reply.bytes else { return }
        _ = NodeReportCodec.report("n", String(decoding: bytes, as: UTF8.self))
        let names = KeyNames(tag: "m")
        _ = names.parts(bytes)
        for family in KeyNames.Family.allCases {
            _ = KeyValue.records(bytes, KeyNames.Parts(family: family, id: UUID(high: 1, low: 2), kind: 1))
        }
    }
}
