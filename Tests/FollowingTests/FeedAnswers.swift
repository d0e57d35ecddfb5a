import Encoding
import HTTPClient
import Platform
import Revocation

/// Answers of a feed as a source would write them.
enum FeedAnswers {
    static let issuer = "https://auth.example.com"
    static let type = "application/vnd.martlet.records"

    static func answer(
        _ records: [FeedRecord] = [], head: String = "1:9", status: UInt16 = 200, issuer: String = issuer,
        age: String = "0.000", type: String = type, more: [String] = []
    ) -> Answer {
        var body: [UInt8] = []
        for record in records { FeedCodec.write(record, to: &body) }
        return answer(body, head: head, status: status, issuer: issuer, age: age, type: type, more: more)
    }

    static func answer(
        _ body: [UInt8], head: String = "1:9", status: UInt16 = 200, issuer: String = issuer, age: String = "0.000",
        type: String = type, more: [String] = [], held: String? = nil, isMarked: Bool = true
    ) -> Answer {
        var text =
            "HTTP/1.1 \(status) X\r\nContent-Type: \(type)\r\nRevocation-Seq: \(head)\r\nRevocation-Age: \(age)\r\n"
        text += "Revocation-Issuer: \(issuer)\r\n"
        if isMarked { text += "Content-Length: \(body.count)\r\n" }
        if let held { text += "Revocation-Held: \(held)\r\n" }
        for value in more { text += "Revocation-More: \(value)\r\n" }
        var reader = ResponseReader(bodyByteCountMax: 1_048_576)
        try? reader.take(Array((text + "\r\n").utf8) + body)
        if !isMarked { try? reader.end() }
        return reader.answer ?? Answer.none
    }

    static func session(_ seq: UInt64, epoch: UInt32 = 1, id: UInt64 = 7, expires: UnixMilliseconds = 4_000_000_000_000)
        -> FeedRecord?
    {
        FeedRecord(
            LedgerPosition(epoch: epoch, seq: seq), at: 1_790_000_000_000,
            .sessionRevoked(
                sid: UUID(high: 1_790_000_000_000 << 16 | 0x7000, low: 1 << 63 | id), expires: expires, reason: 1))
    }

    static func sessions(_ seqs: some Sequence<UInt64>, epoch: UInt32 = 1) -> [FeedRecord] {
        seqs.compactMap { session($0, epoch: epoch, id: $0) }
    }
}

extension Answer {
    /// What no test expects.
    fileprivate static var none: Answer {
        var reader = ResponseReader(bodyByteCountMax: 0)
        try? reader.take(Array("HTTP/1.1 599 None\r\nContent-Length: 0\r\n\r\n".utf8))
        guard let answer = reader.answer else { preconditionFailure("a response without content can be read") }
        return answer
    }
}
