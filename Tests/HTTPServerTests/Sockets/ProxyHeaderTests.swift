import Encoding
import HTTP
@testable import HTTPServer
import Testing

@Suite("The PROXY protocol, versions 1 and 2")
struct ProxyHeaderTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10] + Array("QUIT\n".utf8)
    private static let four: [UInt8] = [192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0, 80]
    private static let six: [UInt8] =
        [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 1, count: 16) + [0, 1, 0, 2]

    private static func read(_ text: String) -> ProxyHeader.Progress { read(Array(text.utf8)) }

    private static func read(_ bytes: [UInt8]) -> ProxyHeader.Progress { ProxyHeader.read(bytes.span) }

    /// A binary header whose length is that of `rest`, unless another is claimed.
    private static func binary(
        _ command: UInt8, _ family: UInt8, _ rest: [UInt8], claimed: Int? = nil
    ) -> [UInt8] {
        let count = claimed ?? rest.count
        return signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + rest
    }

    /// `header` with an extension that holds its checksum, altered by `flip`.
    private static func checked(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], flip: UInt32 = 0) -> [UInt8] {
        var header = binary(command, family, rest + [3, 0, 4, 0, 0, 0, 0])
        let sum = CRC32C.checksum(header.span) ^ flip
        for place in 0..<4 {
            header[header.count - 4 + place] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * place))
        }
        return header
    }

    @Test(
        arguments: [
            ("PROXY TCP4 192.0.2.7 198.51.100.1 12345 80\r\n", PeerAddress.ipv4(0xc000_0207)),
            ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", .ipv4(0xffff_ffff)),
            ("PROXY TCP6 2001:db8::7 ::1 0 1\r\n", .ipv6(high: 0x2001_0db8_0000_0000, low: 7)),
            ("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 1\r\n", .ipv4(0xc000_0207)),
            ("PROXY UNKNOWN\r\n", nil), ("PROXY UNKNOWN ffff::1 what ever 65535 \r\n", nil),
        ] as [(String, PeerAddress?)])
    func `reads a line, and nothing behind it`(_ text: String, _ client: PeerAddress?) {
        let expected = ProxyHeader.Progress.complete(consumed: text.utf8.count, client: client)
        #expect(Self.read(text) == expected)
        #expect(Self.read(text + "GET / HTTP/1.1\r\n") == expected)
        for count in 0..<text.utf8.count {
            #expect(Self.read(Array(text.utf8.prefix(count))) == .needsMore, "\(count) octets")
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY\r\n", "PROXY \r\n", "PROXYTCP4 ",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "PROXY TCP4\r\n", "PROXY TCP4 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4\t1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.256 1.2.3.4 1 1\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n", "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", "PROXY TCP4 1.2.3.4 ::1 1 1\r\n",
        "PROXY TCP6 :::1 ::1 1 1\r\n", "PROXY TCP6 ::1%eth0 ::1 1 1\r\n", "PROXY UNKNOWNX\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX", "PROXY UNKNOWN\0\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n",
    ])
    func `refuses every other line`(_ text: String) {
        #expect(Self.read(text) == .malformed)
    }

    @Test func `reads both families`() {
        for (family, rest, client) in [
            (UInt8(0x11), Self.four, PeerAddress.ipv4(0xc000_0207)),
            (0x21, Self.six, .ipv6(high: 0x2001_0db8_0000_0000, low: 7)),
            (0x31, [UInt8](repeating: 0x2f, count: 216), nil), (0x00, [], nil), (0x00, [9, 9, 9], nil),
        ] as [(UInt8, [UInt8], PeerAddress?)] {
            let header = Self.binary(0x21, family, rest)
            #expect(Self.read(header) == .complete(consumed: header.count, client: client))
            #expect(Self.read(header + [1, 2, 3]) == .complete(consumed: header.count, client: client))
            for count in header.indices { #expect(Self.read(Array(header[..<count])) == .needsMore) }
        }
    }

    @Test func `takes a proxy that speaks for itself at its word, whatever stands behind`() {
        for family in [0x00, 0x11, 0x21, 0x31, 0xff] as [UInt8] {
            let header = Self.binary(0x20, family, Self.four)
            #expect(Self.read(header) == .complete(consumed: header.count, client: nil))
        }
    }

    @Test func `skips extensions that are sound, and refuses the others`() {
        let client = PeerAddress.ipv4(0xc000_0207)
        for rest in [[4, 0, 0], [1, 0, 2, 0x68, 0x32], [4, 0, 1, 0, 0xea, 0, 0]] as [[UInt8]] {
            let header = Self.binary(0x21, 0x11, Self.four + rest)
            #expect(Self.read(header) == .complete(consumed: header.count, client: client))
        }
        for rest in [[4], [4, 0], [4, 0, 1], [4, 0, 0, 4], [4, 0xff, 0xff], [3, 0, 3, 0, 0, 0]] as [[UInt8]] {
            #expect(Self.read(Self.binary(0x21, 0x11, Self.four + rest)) == .malformed)
        }
    }

    @Test func `a checksum has to be right`() {
        let good = Self.checked(0x21, 0x11, Self.four)
        #expect(Self.read(good) == .complete(consumed: good.count, client: .ipv4(0xc000_0207)))
        #expect(Self.read(Self.checked(0x21, 0x11, Self.four, flip: 1)) == .malformed)
        for place in 16..<28 {
            var altered = good
            altered[place] ^= 0x40
            #expect(Self.read(altered) == .malformed, "octet \(place)")
        }
    }

    @Test func `refuses versions, commands, families and lengths that are none`() {
        for command in [0x10, 0x11, 0x22, 0x2f, 0x30, 0x00] as [UInt8] {
            #expect(Self.read(Self.binary(command, 0x11, Self.four)) == .malformed)
        }
        for family in [0x01, 0x10, 0x12, 0x22, 0x32, 0x41] as [UInt8] {
            #expect(Self.read(Self.binary(0x21, family, Self.four)) == .malformed)
        }
        #expect(Self.read(Self.binary(0x21, 0x11, [1, 2, 3])) == .malformed)
        #expect(Self.read(Self.binary(0x21, 0x21, Self.four)) == .malformed)
        let most = ProxyHeader.byteCountMax - 16
        #expect(Self.read(Self.binary(0x21, 0x11, [], claimed: most)) == .needsMore)
        #expect(Self.read(Self.binary(0x21, 0x11, [], claimed: most + 1)) == .malformed)
        #expect(Self.read([13, 10, 13, 10, 0, 13, 10] + Array("QUIT\r".utf8)) == .malformed)
    }

    @Test func `no octets lead out of bounds, and a whole header needs no more`() {
        var random = SplitMix(state: 7)
        let seeds = [
            Self.binary(0x21, 0x11, Self.four + [4, 0, 2, 1, 1]), Self.checked(0x21, 0x21, Self.six),
            Array("PROXY TCP6 2001:db8::7 ::1 12345 80\r\n".utf8), Self.binary(0x20, 0, []),
        ]
        for round in 0..<20_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 255)
            }
            bytes = Array(bytes.prefix(Int(random.next() % UInt64(bytes.count + 1))))
            if case .complete(let consumed, _) = Self.read(bytes) {
                #expect(consumed <= bytes.count && consumed >= 15)
            }
        }
    }

    /// Numbers that are the same in every run.
    private struct SplitMix {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
    }
}
