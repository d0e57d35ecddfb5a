import HTTP
import Testing

@Suite("Addresses as text")
struct AddressTextTests {
    private static func address(_ text: String) -> PeerAddress? {
        let octets = Array(text.utf8)
        return PeerAddress(text: octets.span)
    }

    private static func node(_ text: String) -> PeerAddress? {
        let octets = Array(text.utf8)
        return PeerAddress(node: octets.span)
    }

    @Test(arguments: [
        ("0.0.0.0", PeerAddress.ipv4(0)), ("255.255.255.255", .ipv4(0xffff_ffff)), ("10.0.3.1", .ipv4(0x0a00_0301)),
        ("::", .ipv6(high: 0, low: 0)), ("::1", .ipv6(high: 0, low: 1)), ("1::", .ipv6(high: 1 << 48, low: 0)),
        ("1:2:3:4:5:6:7:8", .ipv6(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_0008)),
        ("1::8", .ipv6(high: 1 << 48, low: 8)),
        ("1:2:3:4:5:6:7::", .ipv6(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_0000)),
        ("::2:3:4:5:6:7:8", .ipv6(high: 0x0000_0002_0003_0004, low: 0x0005_0006_0007_0008)),
        ("2001:DB8::fF", .ipv6(high: 0x2001_0db8_0000_0000, low: 0xff)),
        ("64:ff9b::192.0.2.1", .ipv6(high: 0x0064_ff9b_0000_0000, low: 0xc000_0201)),
        ("::ffff:192.0.2.1", .ipv4(0xc000_0201)),
        ("1:2:3:4:5:6:1.2.3.4", .ipv6(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0102_0304)),
    ])
    func `are read in all their forms`(_ text: String, _ address: PeerAddress) {
        #expect(Self.address(text) == address)
        #expect(Self.node(text) == address)
        #expect(Self.node("[\(text)]") == (text.contains(":") ? address : nil))
        #expect(Self.node("[\(text)]:443") == (text.contains(":") ? address : nil))
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1..3.4", "1.2.3.", ".1.2.3.4", "1.2.3.4 ",
        "0x1.2.3.4", "1.2.3.1000", ":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "1:", ":1", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:5", "fe80::1%eth0", "[::1]", "é::",
    ])
    func `are nothing else`(_ text: String) {
        #expect(Self.address(text) == nil)
    }

    @Test(
        arguments: [
            ("192.0.2.1:80", PeerAddress.ipv4(0xc000_0201)), ("192.0.2.1:", nil), ("192.0.2.1:123456", nil),
            ("192.0.2.1:8a", nil), ("[::1", nil), ("::1]", nil), ("[::1]x", nil), ("[::1]:", nil), ("[192.0.2.1]", nil),
            ("unknown", nil), ("_hidden", nil), ("unix:", nil), ("", nil),
            (String(repeating: "1", count: 100), nil),
        ] as [(String, PeerAddress?)])
    func `come with a port where proxies note one`(_ text: String, _ address: PeerAddress?) {
        #expect(Self.node(text) == address)
    }
}

@Suite("Address ranges")
struct AddressRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "9.255.255.255", "::"]),
        ("0.0.0.0/0", ["1.2.3.4", "255.255.255.255"], ["::1"]),
        ("192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::"], ["2001:db9::", "1.2.3.4"]),
        ("::/0", ["::", "ffff::"], ["0.0.0.0"]),
        ("::1", ["::1"], ["::", "::2"]), ("fe80::/10", ["febf::1"], ["fec0::"]),
    ])
    func `hold what lies in them`(_ text: String, _ inside: [String], _ outside: [String]) throws {
        let range = try #require(AddressRange(text))
        func peer(_ text: String) throws -> PeerAddress {
            let octets = Array(text.utf8)
            let address = PeerAddress(text: octets.span)
            return try #require(address)
        }
        for text in inside { #expect(range.contains(try peer(text)), "\(text)") }
        for text in outside { #expect(!range.contains(try peer(text)), "\(text)") }
        #expect(!range.contains(.local))
    }

    @Test func `unix is every Unix socket and nothing else`() {
        #expect(AddressRange("unix") == .local)
        #expect(AddressRange.local.contains(.local) && !AddressRange.local.contains(.ipv4(0)))
    }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8",
        "::1/127", "::/129", "::/1000", "localhost", "Unix", "unix:/x", "10.0.0.0/٨",
    ])
    func `are nothing else`(_ text: String) {
        #expect(AddressRange(text) == nil)
    }
}

@Suite("Whom a proxy speaks for (J8)")
struct ProxyTrustTests {
    private static let proxy = PeerAddress.ipv4(0x0a00_0001)

    private static func client(
        _ fields: [(String, String)], _ field: ProxyTrust.Field = .either, trusted: [String] = ["10.0.0.0/8", "unix"]
    ) -> String {
        var request = Request(byteCount: 0)
        request.bytes = []
        for (name, value) in fields {
            let start = request.bytes.count
            request.bytes += Array(name.utf8) + Array(value.utf8)
            let middle = start + name.utf8.count
            request.fields.append(.init(name: start..<middle, value: middle..<request.bytes.count))
        }
        return ProxyTrust(trusted.compactMap { AddressRange($0) }, field: field).client(of: request, through: proxy)
            .description
    }

    private static func listed(_ values: String...) -> String { client(values.map { ("x-forwarded-for", $0) }) }
    private static func forwarded(_ values: String...) -> String { client(values.map { ("forwarded", $0) }) }

    @Test func `the rightmost address that is no proxy counts`() {
        #expect(Self.listed("192.0.2.1") == "192.0.2.1")
        #expect(Self.listed("198.51.100.9, 192.0.2.1") == "192.0.2.1")
        #expect(Self.listed("198.51.100.9,192.0.2.1\t, 10.0.0.2,10.9.9.9") == "192.0.2.1")
        #expect(Self.listed("198.51.100.9", "192.0.2.1", "10.0.0.2") == "192.0.2.1")
        #expect(Self.listed("10.0.0.3, 10.0.0.2") == "10.0.0.3")
        #expect(Self.listed("192.0.2.1:4711") == "192.0.2.1")
        #expect(Self.listed("[2001:db8::1]:4711") == "2001:db8:0:0:0:0:0:1")
        #expect(Self.listed("::ffff:192.0.2.1") == "192.0.2.1")
    }

    @Test func `what cannot be read ends at the proxy that reported it`() {
        #expect(Self.listed("") == "10.0.0.1")
        #expect(Self.listed("unknown") == "10.0.0.1")
        #expect(Self.listed("192.0.2.1, local") == "10.0.0.1")
        #expect(Self.listed("192.0.2.1, unix:, 10.0.0.2") == "10.0.0.2")
        #expect(Self.listed("192.0.2.1,,10.0.0.2") == "10.0.0.2")
        #expect(Self.listed("192.0.2.1,") == "10.0.0.1")
        #expect(Self.listed("127.1") == "10.0.0.1")
        #expect(Self.client([]) == "10.0.0.1")
        #expect(Self.client([("x-forwarded-for2", "192.0.2.1"), ("x-real-ip", "192.0.2.1")]) == "10.0.0.1")
    }

    @Test func `not more than 32 proxies in a row`() {
        let chain = (0..<40).map { "10.1.0.\($0)" }.joined(separator: ", ")
        #expect(Self.listed("192.0.2.1, " + chain) == "10.1.0.8")
    }

    @Test func `Forwarded has pairs, quotes and lists (RFC 7239)`() {
        #expect(Self.forwarded("for=192.0.2.1") == "192.0.2.1")
        #expect(Self.forwarded("for=198.51.100.9, FOR=\"192.0.2.1:80\";proto=https;by=10.0.0.1") == "192.0.2.1")
        #expect(Self.forwarded("proto=http; For=\"[2001:db8::1]:80\"") == "2001:db8:0:0:0:0:0:1")
        #expect(Self.forwarded("for=192.0.2.1", "for=10.0.0.2;host=\"a,b;for=1.1.1.1\"") == "192.0.2.1")
        #expect(Self.forwarded("for=192.0.2.1, for=10.0.0.2") == "192.0.2.1")
    }

    @Test func `nothing that came from further left can hide what a proxy has added`() {
        #expect(Self.forwarded("for=\"1.1.1.1, for=192.0.2.1") == "192.0.2.1")
        #expect(Self.forwarded("for=\"\\\", for=192.0.2.1") == "192.0.2.1")
        #expect(Self.forwarded("for=1.1.1.1\", for=192.0.2.1") == "192.0.2.1")
        #expect(Self.listed("\"1.1.1.1, 192.0.2.1") == "192.0.2.1")
    }

    @Test func `an element without one readable for ends at the proxy that reported it`() {
        for text in [
            "", "proto=https", "for=unknown", "for=_x", "for=", "for=\"\"", "for=192.0.2.1;for=192.0.2.2",
            "for=\"192.0.2.1", "for=\"192.0.2.\\1\"", "xfor=192.0.2.1", "for = 192.0.2.1", "192.0.2.1",
        ] { #expect(Self.forwarded(text) == "10.0.0.1", "\(text)") }
    }

    @Test func `of two fields that disagree neither counts, unless one was chosen`() {
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "192.0.2.1")]
        #expect(Self.client(both) == "10.0.0.1")
        #expect(Self.client(both, .xForwardedFor) == "192.0.2.1")
        #expect(Self.client(both, .forwarded) == "1.1.1.1")
        #expect(Self.client([("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")]) == "192.0.2.1")
        #expect(Self.client([("forwarded", "for=192.0.2.1")], .xForwardedFor) == "10.0.0.1")
    }

    @Test func `who is trusted is what the list says`() {
        let trust = ProxyTrust([.ipv4(base: 0x0a00_0000, prefix: 8)])
        #expect(trust.covers(Self.proxy) && !trust.covers(.ipv4(0x0b00_0001)) && !trust.covers(.local))
        #expect(!ProxyTrust().covers(.local) && !ProxyTrust().covers(Self.proxy))
    }
}

@Suite("Addresses that no packet from the Internet has")
struct PrivateAddressTests {
    @Test(arguments: [
        "10.0.0.1", "10.255.255.255", "127.0.0.1", "127.9.9.9", "169.254.1.1", "172.16.0.1", "172.31.255.255",
        "192.168.0.1", "100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1",
        "::ffff:10.0.0.1",
    ])
    func `are private`(_ text: String) {
        let octets = Array(text.utf8)
        let address = PeerAddress(text: octets.span)
        #expect(address?.isPrivate == true)
        #expect(PeerAddress.local.isPrivate)
    }

    @Test(arguments: [
        "9.255.255.255", "11.0.0.1", "126.0.0.1", "128.0.0.1", "169.253.1.1", "172.15.0.1", "172.32.0.1", "192.167.0.1",
        "192.169.0.1", "100.63.0.1", "100.128.0.1", "203.0.113.7", "::", "::2", "1::1", "fbff::1", "fe00::1",
        "fec0::1", "2001:db8::1", "::ffff:203.0.113.7",
    ])
    func `are not`(_ text: String) {
        let octets = Array(text.utf8)
        let address = PeerAddress(text: octets.span)
        #expect(address?.isPrivate == false)
    }
}
