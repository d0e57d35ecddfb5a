import Encoding
@testable import HTTPServer
@testable import Journal
import Telemetry

/// Forms and queries: names and values are text, whatever was encoded.
enum FormFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            guard let form = try? URLEncodedForm(bytes.span) else { return }
            demand(form.pairs.count <= URLEncodedForm.pairCountMax, "pairs are bounded")
            for (name, value) in form.pairs {
                demand(name.utf8.count + value.utf8.count <= bytes.count, "decoding makes nothing longer")
                demand(form.value(name) != .absent, "a pair is found by its name")
            }
        }
    }
}

/// Base64url: one spelling for each value.
enum Base64URLFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            if let decoded = Base64URL.decode(bytes.span) {
                demand(Array(Base64URL.encode(decoded).utf8) == bytes, "a second spelling")
            }
            let text = Base64URL.encode(bytes)
            demand(Base64URL.decode(text) == bytes, "what is encoded is decoded")
            _ = Base64.decode(bytes.span)
            if let decoded = Base64.decodeUnpadded(bytes.span) {
                demand(Array(Base64.encodeUnpadded(decoded).utf8) == bytes, "a second spelling")
            }
        }
    }
}

/// The PROXY protocol's header, in both versions: read whole or an octet at a time, with the same outcome.
enum ProxyFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            let outcome = ProxyHeader.read(bytes.span)
            guard case .complete(let consumed, _) = outcome else { return }
            demand(consumed > 0 && consumed <= min(bytes.count, ProxyHeader.byteCountMax), "a header has its octets")
            for count in 0..<consumed {
                demand(ProxyHeader.read(bytes.span.extracting(0..<count)) == .needsMore, "a part waits for more")
            }
            demand(ProxyHeader.read(bytes.span.extracting(0..<consumed)) == outcome, "what follows is not looked at")
        }
    }
}

enum TraceParentFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            guard let context = TraceContext(bytes.span) else { return }
            var written: [UInt8] = []
            context.write(to: &written)
            demand(TraceContext(written.span) == context, "what is written is read")
            demand(written[3..<52].elementsEqual(bytes[3..<52]), "the ids stay")
        }
    }
}

/// What lies in a journal's files. Checksums are put right first, so that what they guard is read.
enum JournalFuzzer {
    private static let kinds = RecordKinds((1...7).map { JournalRecord.Kind(rawValue: $0) })

    static func make() -> ([UInt8]) -> Void {
        { bytes in
            var slot = padded(bytes, to: JournalRecord.byteCount)
            _ = RecordSlot(slot.span, seq: nil, salt: 7, kinds)
            put(CRC32C.checksum(slot.span.extracting(4..<slot.count), seed: 7), at: 0, in: &slot)
            if case .record(let record, let durableSeq, _) = RecordSlot(slot.span, seq: nil, salt: 7, kinds) {
                var written: [UInt8] = []
                record.write(to: &written, salt: 7, durableSeq: durableSeq)
                demand(written == slot, "a record is written as it was read")
            }
            var header = padded(bytes, to: SegmentHeader.byteCount)
            put(0, at: 12, in: &header)
            put(CRC32C.checksum(header.span, seed: 0), at: 12, in: &header)
            _ = try? SegmentHeader(header, name: SegmentName(number: 1, firstSeq: 1))
            _ = try? SnapshotHeader(header, file: "a snapshot", number: 1)
            _ = SegmentName(String(decoding: bytes.prefix(64), as: UTF8.self))
        }
    }

    private static func padded(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        bytes.prefix(count) + [UInt8](repeating: 0, count: max(0, count - bytes.count))
    }

    private static func put(_ checksum: UInt32, at offset: Int, in octets: inout [UInt8]) {
        for index in 0..<4 { octets[offset + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index)) }
    }
}
