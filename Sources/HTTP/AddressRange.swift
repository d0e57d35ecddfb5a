/// A range of addresses, as settings specify it: `10.0.0.0/8`, `2001:db8::/32`, one address, or `unix` for Unix
/// sockets.
package enum AddressRange: Hashable, Sendable {
    case local
    /// The bits after the prefix are zero in both cases.
    case ipv4(base: UInt32, prefix: Int)
    case ipv6(base: UInt128, prefix: Int)

    /// - Returns: nil if the text is not an address, or if bits after the prefix are set, because one of the two is
    ///   then a mistake.
    package init?(_ text: String) {
        if text == "unix" {
            self = .local
            return
        }
        let octets = Array(text.utf8)
        let slash = octets.firstIndex(of: UInt8(ascii: "/"))
        guard let address = PeerAddress(text: octets.span.extracting(0..<(slash ?? octets.count))) else { return nil }
        var prefix: Int?
        if let slash {
            let digits = octets[(slash + 1)...]
            guard (1...3).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
            prefix = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        switch address {
        case .local: return nil
        case .ipv4(let base):
            let prefix = prefix ?? 32
            guard prefix <= 32, base & ~Self.mask4(prefix) == 0 else { return nil }
            self = .ipv4(base: base, prefix: prefix)
        case .ipv6(let high, let low):
            let (prefix, base) = (prefix ?? 128, UInt128(high) << 64 | UInt128(low))
            guard prefix <= 128, base & ~Self.mask6(prefix) == 0 else { return nil }
            self = .ipv6(base: base, prefix: prefix)
        }
    }

    package func contains(_ peer: PeerAddress) -> Bool {
        switch (self, peer) {
        case (.local, .local): true
        case (.ipv4(let base, let prefix), .ipv4(let address)): address & Self.mask4(prefix) == base
        case (.ipv6(let base, let prefix), .ipv6(let high, let low)):
            (UInt128(high) << 64 | UInt128(low)) & Self.mask6(prefix) == base
        default: false
        }
    }

    private static func mask4(_ prefix: Int) -> UInt32 { ~0 << UInt32(32 - prefix) }
    private static func mask6(_ prefix: Int) -> UInt128 { ~0 << UInt128(128 - prefix) }
}
