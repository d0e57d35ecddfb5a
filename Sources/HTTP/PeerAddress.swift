internal import Encoding

/// The remote address of a connection, without its port.
package enum PeerAddress: Hashable, Sendable {
    /// A Unix socket.
    case local
    /// In network order.
    case ipv4(UInt32)
    /// Both halves in network order.
    case ipv6(high: UInt64, low: UInt64)

    /// The first 64 bits of IPv4 addresses that a translator has written as IPv6 addresses (RFC 6052 §2.1). The /64 has all
    /// clients of the IPv4 Internet.
    private static let translated: UInt64 = 0x0064_ff9b_0000_0000

    /// The unit that limits apply to: an IPv4 address, also a translated one, or an IPv6 /64, the smallest network that
    /// providers assign.
    package var source: PeerAddress {
        switch self {
        case .ipv6(Self.translated, let low) where low >> 32 == 0: .ipv4(UInt32(truncatingIfNeeded: low))
        case .ipv6(let high, _): .ipv6(high: high, low: 0)
        case .local, .ipv4: self
        }
    }
}

extension PeerAddress {
    /// Whether the address is never a source on the Internet: loopback, private, shared (RFC 6598), link-local and
    /// unique local addresses, and Unix sockets.
    package var isPrivate: Bool {
        switch self {
        case .local: true
        case .ipv4(let address):
            switch address >> 24 {
            case 10, 127: true
            default: [0xa9fe, 0xc0a8].contains(address >> 16) || address >> 20 == 0xac1 || address >> 22 == 0x191
            }
        case .ipv6(let high, let low):
            high >> 57 == 0x7e || high >> 54 == 0x3fa || (high == 0 && low == 1)
        }
    }

    /// Whether the peer is on this machine.
    package var isLoopback: Bool {
        switch self {
        case .local: true
        case .ipv4(let address): address >> 24 == 127
        case .ipv6(let high, let low): high == 0 && low == 1
        }
    }

    /// A number for ``source``, equal for equal sources.
    package var sourceNumber: UInt64 {
        switch source {
        case .local: 0
        case .ipv4(let address): 1 << 32 | UInt64(address)
        case .ipv6(let high, _): high
        }
    }
}

extension PeerAddress: CustomStringConvertible {
    package var description: String {
        var text: [UInt8] = []
        write(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the address as it is logged: an IPv6 address has its eight groups, without leading zeros.
    package func write(to output: inout [UInt8]) {
        switch self {
        case .local: output.append("local")
        case .ipv4(let address):
            for shift: UInt32 in [24, 16, 8, 0] {
                output.append(decimal: Int64((address >> shift) & 0xff))
                if shift > 0 { output.append(UInt8(ascii: ".")) }
            }
        case .ipv6(let high, let low):
            for (half, isLast) in [(high, false), (low, true)] {
                for shift: UInt64 in [48, 32, 16, 0] {
                    output.append(contentsOf: String((half >> shift) & 0xffff, radix: 16).utf8)
                    if shift > 0 || !isLast { output.append(UInt8(ascii: ":")) }
                }
            }
        }
    }
}
