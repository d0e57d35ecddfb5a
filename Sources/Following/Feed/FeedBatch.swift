import Encoding
import HTTPClient
import Platform
import Revocation

/// One answer of a feed in the binary form, checked as a whole: nothing of an answer is applied if a part is wrong.
struct FeedBatch: Equatable {
    static let contentType = "application/vnd.martlet.records"
    static let recordCountMax = 4_096
    /// Ten years in milliseconds; a greater age is not one.
    private static let ageMax: Int64 = 315_360_000_000

    let records: [FeedRecord]
    /// The records as they arrived.
    let bytes: [UInt8]
    /// Everything up to here is known after this answer.
    let position: LedgerPosition
    let head: LedgerPosition
    /// Whether the source had nothing more.
    let isComplete: Bool
    /// How old the knowledge of the source was, in milliseconds.
    let age: Int64
    /// How long the request waited there until the moment that the answer is about, in milliseconds; 0 if that is unknown.
    let held: Int64

    /// - Parameters:
    ///   - position: the one in the request.
    ///   - issuer: the expected one.
    init(_ answer: Answer, after position: LedgerPosition, issuer: String) throws(FollowFault) {
        try Self.checkStatus(answer)
        try Self.checkIssuer(answer, issuer)
        guard Self.mediaType(answer) == Self.contentType else { throw .answer("its type is not \(Self.contentType)") }
        // One that ends with its connection looks whole wherever it was cut off.
        guard answer.fields.contains(where: { $0.name == "content-length" || $0.name == "transfer-encoding" }) else {
            throw .answer("it does not say where it ends")
        }
        guard let head = answer.field("revocation-seq").flatMap({ LedgerPosition(text: $0) }) else {
            throw .answer("Revocation-Seq is missing or malformed")
        }
        guard let age = answer.field("revocation-age").flatMap(Self.milliseconds) else {
            throw .answer("Revocation-Age is missing or malformed")
        }
        guard head.epoch == position.epoch else { throw .unknownEpoch }
        guard head.seq >= position.seq else { throw .ahead(head: head) }
        guard answer.body.count <= Self.recordCountMax * FeedCodec.byteCount else {
            throw .answer("it has more than \(Self.recordCountMax) records")
        }
        let more = answer.fields.filter { $0.name == "revocation-more" }.map(\.value)
        guard more.isEmpty || more == ["1"] else { throw .answer("Revocation-More is malformed") }
        let records: [FeedRecord]
        do throws(FeedFault) {
            records = try FeedCodec.records(answer.body.span, epoch: head.epoch, after: position.seq)
        } catch {
            throw .records(error)
        }
        let last = records.last?.position
        if let last, last.seq > head.seq {
            throw .records(.outOfOrder(seq: last.seq, at: records.count - 1))
        }
        held = answer.field("revocation-held").flatMap(Self.milliseconds) ?? 0
        isComplete = more.isEmpty
        guard let next = isComplete ? head : last else { throw .answer("it announces more and has no record") }
        self.position = next
        (self.records, self.head, self.age, bytes) = (records, head, age, answer.body)
    }

    static func checkStatus(_ answer: Answer) throws(FollowFault) {
        switch answer.status {
        case 200: return
        case 401, 403: throw .notAllowed(status: answer.status)
        case 404: throw .notOffered(status: 404)
        case 409:
            if code(answer) == "sequence_ahead" {
                throw .ahead(head: answer.field("revocation-seq").flatMap { LedgerPosition(text: $0) })
            }
            if code(answer) == "sequence_unknown" { throw .unknownEpoch }
            throw .status(409)
        case 410: throw .gone
        default: throw .status(answer.status)
        }
    }

    static func checkIssuer(_ answer: Answer, _ issuer: String) throws(FollowFault) {
        let found = answer.field("revocation-issuer")
        guard let found, found.utf8.elementsEqual(issuer.utf8) else { throw .issuer(found: found, expected: issuer) }
    }

    private static func mediaType(_ answer: Answer) -> String? {
        answer.field("content-type")?.prefix { $0 != ";" }.lowercased()
    }

    private static func code(_ answer: Answer) -> String? {
        var document = JSONDocument()
        let bytes = answer.body.span
        guard (try? document.parse(bytes)) != nil, let node = document.member("code", of: 0, in: bytes) else {
            return nil
        }
        return document.string(node, in: bytes)
    }

    /// Parses seconds with three decimals.
    static func milliseconds(_ text: String) -> Int64? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 3, (1...12).contains(parts[0].count),
            text.utf8.allSatisfy({ 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ".") }),
            let whole = String(parts[0]).flatMap(Int64.init), let rest = String(parts[1]).flatMap(Int64.init)
        else { return nil }
        let age = whole.saturatingMultiply(by: 1_000).saturatingAdd(rest)
        return age <= ageMax ? age : nil
    }
}
