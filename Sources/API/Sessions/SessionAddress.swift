import HTTP
import Revocation

extension SessionEntry.Address {
    /// - Returns: nil for a Unix socket.
    init?(_ peer: PeerAddress) {
        switch peer {
        case .local: return nil
        case .ipv4(let address): self = .ipv4(address)
        case .ipv6(let high, let low): self = .ipv6(high: high, low: low)
        }
    }
}

extension PeerAddress {
    init(_ address: SessionEntry.Address) {
        switch address {
        case .ipv4(let address): self = .ipv4(address)
        case .ipv6(let high, let low): self = .ipv6(high: high, low: low)
        }
    }
}
