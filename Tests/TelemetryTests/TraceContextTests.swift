import Telemetry
import Testing

@Suite("W3C Trace Context, §3.2")
struct TraceContextTests {
    private static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private func read(_ text: String) -> TraceContext? {
        let octets = Array(text.utf8)
        return TraceContext(octets.span)
    }

    private func written(_ context: TraceContext) -> String {
        var octets: [UInt8] = []
        context.write(to: &octets)
        return String(decoding: octets, as: UTF8.self)
    }

    @Test func `what is read is written again`() throws {
        let context = try #require(read(Self.good))
        #expect(written(context) == Self.good)
        #expect(context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" && context.isSampled)
        #expect(context.parent == 0x00f0_67aa_0ba9_02b7)
    }

    @Test(arguments: [
        ("00", "fe", "01"), ("00", "03", "01"), ("00", "ff", "01"), ("00", "00", "00"), ("fe", "01", "01"),
    ])
    func `only the flag that version 00 defines is kept`(_ version: String, _ flags: String, _ kept: String) throws {
        let context = try #require(read(version + Self.good.dropFirst(2).dropLast(2) + flags))
        #expect(written(context).hasSuffix(flags == "fe" ? "-00" : "-\(kept)"))
    }

    private static let bad: [String] = {
        let zeros = String(repeating: "0", count: 32)
        var texts = ["", "00", "00-", good + "x", good + "-", " " + good, good.uppercased()]
        texts.append(String(good.dropLast()))
        texts.append("ff" + good.dropFirst(2))
        texts.append("+0" + good.dropFirst(2))
        texts.append("cc" + good.dropFirst(2) + "x")
        texts.append("00-" + zeros + good.dropFirst(35))
        texts.append(good.prefix(36) + zeros.prefix(16) + "-01")
        texts.append(good.replacing("-", with: "_"))
        texts.append(good.replacing("f", with: "g"))
        texts.append(String(repeating: "-", count: 55))
        return texts
    }()

    @Test(arguments: bad)
    func `anything else is none`(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test func `of a later version the known part counts`() {
        #expect(read("cc" + Self.good.dropFirst(2)) == read(Self.good))
        #expect(read("cc" + Self.good.dropFirst(2) + "-and-more") == read(Self.good))
    }

    @Test func `every cut and every changed octet is read without a trap`() {
        let octets = Array(Self.good.utf8)
        for count in octets.indices { #expect(TraceContext(octets.span.extracting(0..<count)) == nil) }
        for index in octets.indices {
            for value in UInt8.min...UInt8.max {
                var changed = octets
                changed[index] = value
                guard let context = TraceContext(changed.span) else { continue }
                #expect(context.high | context.low != 0 && context.parent != 0)
            }
        }
    }

    @Test func `ids differ and are never zero`() {
        var ids = TraceIDs(half: 0, seed: 0)
        var seen: Set<String> = []
        for _ in 0..<1_000 {
            let context = ids.begin(isSampled: false)
            #expect(context.high | context.low != 0 && context.parent != 0)
            seen.insert(context.traceID)
        }
        #expect(seen.count == 1_000)
        #expect(TraceContext(high: 0, low: 0, parent: 0, isSampled: true).parent == 1)
    }
}
