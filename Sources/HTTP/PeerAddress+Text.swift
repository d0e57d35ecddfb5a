extension PeerAddress {
    /// Parses an IPv4 address in four decimal parts, or an IPv6 address as in RFC 4291 §2.2; no zone, no port, no
    /// brackets. An IPv4-mapped IPv6 address becomes an IPv4 address.
    package init?(text: Span<UInt8>) {
        if let address = Self.ipv4(text) {
            self = .ipv4(address)
            return
        }
        guard let value = Self.ipv6(text) else { return nil }
        self.init(ipv6: value)
    }

    /// Parses an address as proxies write it: alone, or with a port, and IPv6 then in brackets (RFC 7239 §6).
    package init?(node: Span<UInt8>) {
        guard !node.isEmpty, node.count <= 64 else { return nil }
        if node[0] == UInt8(ascii: "[") {
            guard let end = Self.first(UInt8(ascii: "]"), in: node) else { return nil }
            guard end &+ 1 == node.count || Self.isPort(node.extracting((end &+ 1)..<node.count)) else { return nil }
            guard let value = Self.ipv6(node.extracting(1..<end)) else { return nil }
            self.init(ipv6: value)
            return
        }
        if let address = PeerAddress(text: node) {
            self = address
            return
        }
        guard let colon = Self.first(UInt8(ascii: ":"), in: node),
            Self.isPort(node.extracting(colon..<node.count)), let address = Self.ipv4(node.extracting(0..<colon))
        else { return nil }
        self = .ipv4(address)
    }

    /// Reads the 16 bytes of an IPv6 address in network order; nil unless there are 16.
    package init?(octets: Span<UInt8>) {
        guard octets.count == 16 else { return nil }
        self.init(ipv6: octets.indices.reduce(0) { $0 << 8 | UInt128(octets[$1]) })
    }

    /// Converts the number of an IPv6 address, the first byte highest; an IPv4-mapped address (RFC 4291 §2.5.5.2)
    /// becomes IPv4.
    init(ipv6 value: UInt128) {
        let (high, low) = (UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
        let isMapped = high == 0 && low >> 32 == 0xffff
        self = isMapped ? .ipv4(UInt32(truncatingIfNeeded: low)) : .ipv6(high: high, low: low)
    }

    private static func first(_ octet: UInt8, in text: Span<UInt8>) -> Int? {
        for index in text.indices where text[index] == octet { return index }
        return nil
    }

    /// Returns whether the text is a colon and one to five digits.
    private static func isPort(_ text: Span<UInt8>) -> Bool {
        guard text.count >= 2, text.count <= 6, text[0] == UInt8(ascii: ":") else { return false }
        for index in 1..<text.count where decimalDigit(text[index]) == nil { return false }
        return true
    }

    /// Parses four parts without leading zeros, which some parsers read as octal.
    private static func ipv4(_ text: Span<UInt8>) -> UInt32? {
        guard text.count >= 7, text.count <= 15 else { return nil }
        var address: UInt32 = 0
        var index = 0
        for part in 0..<4 {
            if part > 0 {
                guard index < text.count, text[index] == UInt8(ascii: ".") else { return nil }
                index &+= 1
            }
            let start = index
            var value: UInt32 = 0
            while index < text.count, index &- start < 3, let digit = decimalDigit(text[index]) {
                value = value &* 10 &+ digit
                index &+= 1
            }
            guard index > start, value <= 255 else { return nil }
            guard index &- start == 1 || text[start] != UInt8(ascii: "0") else { return nil }
            address = address << 8 | value
        }
        return index == text.count ? address : nil
    }

    private static func ipv6(_ text: Span<UInt8>) -> UInt128? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var reader = GroupReader()
        guard reader.readGroups(text) else { return nil }
        return reader.address
    }

    /// Collects the groups of an IPv6 address, before and after its `::`.
    private struct GroupReader {
        private var value: UInt128 = 0
        private var count = 0
        /// The number of groups before `::`.
        private var gap: Int?

        var address: UInt128? {
            guard let gap else { return count == 8 ? value : nil }
            guard count < 8 else { return nil }
            let behind = count &- gap
            let mask: UInt128 = (1 << (16 * behind)) &- 1
            return (value >> (16 * behind)) << (16 * (8 &- gap)) | value & mask
        }

        mutating func readGroups(_ text: Span<UInt8>) -> Bool {
            var index = 0
            if text[0] == UInt8(ascii: ":") {
                guard text[1] == UInt8(ascii: ":") else { return false }
                (gap, index) = (0, 2)
            }
            while index < text.count {
                let start = index
                var group: UInt128 = 0
                while index < text.count, index &- start < 4, let digit = hexDigit(text[index]) {
                    group = group << 4 | UInt128(digit)
                    index &+= 1
                }
                if index < text.count, text[index] == UInt8(ascii: ".") {
                    guard count <= 6, let last = ipv4(text.extracting(start..<text.count)) else { return false }
                    value = value << 32 | UInt128(last)
                    count &+= 2
                    return true
                }
                guard index > start, count < 8 else { return false }
                value = value << 16 | group
                count &+= 1
                guard index < text.count else { return true }
                guard text[index] == UInt8(ascii: ":"), index &+ 1 < text.count else { return false }
                index &+= 1
                guard text[index] == UInt8(ascii: ":") else { continue }
                guard gap == nil else { return false }
                gap = count
                index &+= 1
            }
            return true
        }
    }

    private static func decimalDigit(_ octet: UInt8) -> UInt32? {
        octet >= UInt8(ascii: "0") && octet <= UInt8(ascii: "9") ? UInt32(octet &- UInt8(ascii: "0")) : nil
    }

    private static func hexDigit(_ octet: UInt8) -> UInt32? {
        if let digit = decimalDigit(octet) { return digit }
        let letter = octet | 0x20
        guard letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "f") else { return nil }
        return UInt32(letter &- UInt8(ascii: "a")) &+ 10
    }
}
