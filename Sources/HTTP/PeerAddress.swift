/// Where a connection came from: an address without its port.
package enum PeerAddress: Hashable, Sendable {
    /// A Unix socket.
    case local
    /// In the order of the wire.
    case ipv4(UInt32)
    /// Both halves in the order of the wire.
    case ipv6(high: UInt64, low: UInt64)

    /// What counts as one source: an IPv4 address, or an IPv6 /64 (one customer holds at least that much).
    package var source: PeerAddress {
        if case .ipv6(let high, _) = self { return .ipv6(high: high, low: 0) }
        return self
    }
}

extension PeerAddress {
    /// A number for ``source``, equal for equal sources.
    package var sourceNumber: UInt64 {
        switch self {
        case .local: 0
        case .ipv4(let address): 1 << 32 | UInt64(address)
        case .ipv6(let high, _): high
        }
    }
}

extension PeerAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .local: return "local"
        case .ipv4(let address):
            return [24, 16, 8, 0].map { String((address >> UInt32($0)) & 0xff) }.joined(separator: ".")
        case .ipv6(let high, let low):
            let groups = [high, low].flatMap { half in [48, 32, 16, 0].map { (half >> UInt64($0)) & 0xffff } }
            return groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
    }
}
