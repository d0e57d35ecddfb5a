import HTTP
import Testing

@Suite("Request")
struct RequestTests {
    /// A request with these fields, its names in lower case as the reader leaves them.
    private func request(_ fields: KeyValuePairs<String, String>) -> Request {
        var bytes = Array("x".utf8)
        var ranges: [Request.Field] = []
        for (name, value) in fields {
            let start = bytes.count
            bytes += Array(name.utf8) + Array(value.utf8)
            let middle = start + name.utf8.count
            ranges.append(.init(name: start..<middle, value: middle..<bytes.count))
        }
        var request = Request(byteCount: 0)
        request.bytes = bytes
        request.fields = ranges
        return request
    }

    @Test func `a field counts if it was sent exactly once (J3)`() {
        let request = request(["host": "a", "x-two": "1", "accept": "b", "x-two": "1", "x-empty": ""])
        #expect(request.field("host").map { request.text($0) } == "a")
        #expect(request.field("x-two") == nil && request.fieldCount("x-two") == 2)
        #expect(request.field("none") == nil && request.fieldCount("none") == 0)
        #expect(request.field("x-empty")?.isEmpty == true && request.fieldCount("x-empty") == 1)
        #expect(request.field("hos") == nil && request.field("hostt") == nil)
    }

    @Test func `text that is not UTF-8 does no harm`() {
        var request = Request(byteCount: 4)
        request.bytes = [0x61, 0xff, 0x62]
        #expect(request.text(0..<3) == "a\u{fffd}b" && request.isEqual(0..<1, "a") && !request.isEqual(0..<2, "a"))
        #expect(request.bytes(1..<3)[0] == 0xff)
    }

    @Test(arguments: Method.allCases)
    func `methods are known by their exact name (RFC 9110 9.1)`(_ method: Method) {
        let (name, lower) = (Array(method.rawValue.utf8), Array(method.rawValue.lowercased().utf8))
        #expect(Method(name.span) == method)
        #expect(Method(lower.span) == .other)
        let longer = name + [0x20]
        #expect(Method(longer.span) == .other)
    }

    @Test func `every fault of a message has a status that ends it`() {
        for fault in RequestError.allCases { #expect((400...599).contains(fault.status), "\(fault)") }
    }
}

@Suite("Peer addresses")
struct PeerAddressTests {
    @Test(arguments: [
        (PeerAddress.local, "local"), (.ipv4(0x7f00_0001), "127.0.0.1"), (.ipv4(0xffff_ffff), "255.255.255.255"),
        (.ipv4(0), "0.0.0.0"),
        (.ipv6(high: 0x2001_0db8_0000_00ff, low: 1), "2001:db8:0:ff:0:0:0:1"),
        (.ipv6(high: 0, low: 0), "0:0:0:0:0:0:0:0"),
    ])
    func `are told as text`(_ address: PeerAddress, _ text: String) {
        #expect("\(address)" == text)
    }

    @Test func `an IPv6 source is its first 64 bits, an IPv4 source all 32 (F4)`() {
        let (one, two) = (PeerAddress.ipv6(high: 7, low: 1), PeerAddress.ipv6(high: 7, low: .max))
        #expect(one != two && one.source == two.source && one.sourceNumber == two.sourceNumber)
        #expect(PeerAddress.ipv6(high: 8, low: 1).source != one.source)
        #expect(
            PeerAddress.ipv4(1).source == .ipv4(1)
                && PeerAddress.ipv4(1).sourceNumber != PeerAddress.ipv4(2).sourceNumber)
        #expect(PeerAddress.local.sourceNumber != PeerAddress.ipv4(0).sourceNumber)
    }

    @Test func `an IPv4 address behind a translator is a source of its own`() {
        let high: UInt64 = 0x0064_ff9b_0000_0000
        for address: UInt32 in [0, 0xc000_0201, .max] {
            let translated = PeerAddress.ipv6(high: high, low: UInt64(address))
            #expect(translated.source == .ipv4(address))
            #expect(translated.sourceNumber == PeerAddress.ipv4(address).sourceNumber)
        }
        // Others in that /64 are not translated, and neither are those of another prefix.
        #expect(PeerAddress.ipv6(high: high, low: 1 << 32).source == .ipv6(high: high, low: 0))
        #expect(PeerAddress.ipv6(high: high + 1, low: 1).source == .ipv6(high: high + 1, low: 0))
    }
}
