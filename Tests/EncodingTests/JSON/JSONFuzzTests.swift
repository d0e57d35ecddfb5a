import Encoding
import Foundation
import TestForm
import Testing

@Suite("JSON under mutation (A4, E3)")
struct JSONFuzzTests {
    private static let seeds = [
        #"{"iss":"https://a","sub":"al","aud":["api","b"],"iat":1795230000,"exp":1795230600,"amr":["pwd"]}"#,
        #"{"a":[1,-2.5,3e2,true,false,null,"x\u00e9\n\ud83d\ude00","é€😀"],"b":{"c":{}}, "d" : "" }"#,
        #"[[],{},"",0,[[[1]]],{"k":"v","l":[{"m":1},{"m":2}]}]"#,
    ].map { Array($0.utf8) }
    private static let splices = [
        "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "e", "-", ".", " ", "\\u", "null", "\u{e9}", "a",
    ]
    .map { Array($0.utf8) }

    private static let roundCount = TestForm.pick(quick: 2_500, normal: 25_000)

    /// Half of these run without the second opinion, which is slow.
    @Test(arguments: 0..<8)
    func `nothing crashes, and what is accepted means the same to another parser`(_ part: Int) throws {
        var generator = SeededGenerator(seed: 0x6d61_7274 + UInt64(part))
        var document = JSONDocument()
        var acceptedCount = 0
        for round in 0..<Self.roundCount {
            var bytes = Self.seeds[round % Self.seeds.count]
            for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&bytes, &generator) }
            do {
                try document.parse(bytes)
            } catch {
                #expect(document.kind(0) == .null)
                continue
            }
            acceptedCount += 1
            let written = rewritten(document, bytes)
            if acceptedCount % 4 == 0, !hasUnusualNumber(document, bytes) {
                let (theirs, ours) = (try value(bytes), try value(written))
                guard theirs.isEqual(ours) else {
                    Issue.record(
                        "\(String(decoding: bytes, as: UTF8.self)) became \(String(decoding: written, as: UTF8.self))")
                    return
                }
            }
        }
        #expect(acceptedCount > Self.roundCount / 25)
    }

    private func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &generator)
        switch generator.next() % 6 {
        case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1 where place < bytes.count: bytes.remove(at: place)
        case 2 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 3: bytes.removeSubrange(place..<min(bytes.count, place + 4))
        case 4 where place < bytes.count:
            let end = min(bytes.count, place + Int.random(in: 1...12, using: &generator))
            bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
        default:
            bytes.insert(
                contentsOf: Self.splices[Int(generator.next() % UInt64(Self.splices.count))],
                at: min(place, bytes.count))
        }
    }

    /// The document read through our reader and written by our writer.
    private func rewritten(_ document: JSONDocument, _ bytes: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        write(0, document, bytes, &writer)
        return writer.bytes
    }

    private func write(_ node: Int, _ document: JSONDocument, _ bytes: [UInt8], _ writer: inout JSONWriter) {
        switch document.kind(node) {
        case .object:
            writer.beginObject()
            for (name, value) in document.members(node) {
                writer.name(document.string(name, in: bytes) ?? "")
                write(value, document, bytes, &writer)
            }
            writer.endObject()
        case .array:
            writer.beginArray()
            for element in document.children(node) { write(element, document, bytes, &writer) }
            writer.endArray()
        case .string: writer.string(document.string(node, in: bytes) ?? "")
        case .number:
            if let integer = document.integer(node, in: bytes) {
                writer.integer(integer)
            } else {
                writer.raw(document.raw(node, in: bytes))
            }
        case .true: writer.bool(true)
        case .false: writer.bool(false)
        case .null: writer.null()
        }
    }

    /// Numbers that the other parser refuses or rounds.
    private func hasUnusualNumber(_ document: JSONDocument, _ bytes: [UInt8]) -> Bool {
        var nodes = [0]
        while let node = nodes.popLast() {
            if document.kind(node) == .number {
                let value = Double(String(decoding: document.raw(node, in: bytes), as: UTF8.self)) ?? .infinity
                if value.magnitude > 1e15 || (value != 0 && value.magnitude < 1e-15) { return true }
            }
            nodes += document.children(node)
            nodes += document.members(node).map(\.value)
        }
        return false
    }

    private func value(_ bytes: [UInt8]) throws -> NSObject {
        let value = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        return ["value": value] as NSDictionary
    }
}
