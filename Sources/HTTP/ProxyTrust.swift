/// The proxies trusted to supply the client address, and the header field they use.
///
/// Every proxy appends the address of its peer at the right end of the field; entries further left came with the
/// request. So the list is read from the right, as long as the address just read is itself a trusted proxy (RFC 7239
/// §7.4). No field ever turns a peer into a Unix socket, because Unix sockets identify operators.
package struct ProxyTrust: Sendable {
    package enum Field: String, Sendable {
        /// The field that is present. If both are present and differ, the proxy's own address counts, because the
        /// client may have forged one of them.
        case either
        case xForwardedFor = "x-forwarded-for"
        /// RFC 7239.
        case forwarded
    }

    /// The maximum number of consecutive proxies.
    private static let hopsMax = 32

    package let ranges: [AddressRange]
    package let field: Field

    package init(_ ranges: [AddressRange] = [], field: Field = .either) {
        self.ranges = ranges
        self.field = field
    }

    package func covers(_ peer: PeerAddress) -> Bool {
        for range in ranges where range.contains(peer) { return true }
        return false
    }

    /// Returns the client address of a request from `proxy`, for which ``covers(_:)`` must be true; `proxy` itself if
    /// no readable field names another.
    package func client(of request: borrowing Request, through proxy: PeerAddress) -> PeerAddress {
        switch field {
        case .xForwardedFor: return listed(request, proxy) ?? proxy
        case .forwarded: return forwarded(request, proxy) ?? proxy
        case .either: break
        }
        switch (listed(request, proxy), forwarded(request, proxy)) {
        case (let one?, nil), (nil, let one?): return one
        case (let one?, let other?): return one == other ? one : proxy
        case (nil, nil): return proxy
        }
    }

    /// - Returns: nil when there is no such field.
    private func listed(_ request: borrowing Request, _ proxy: PeerAddress) -> PeerAddress? {
        var walk = Walk(client: proxy)
        for field in request.fields.reversed() where request.isEqual(field.name, "x-forwarded-for") {
            walk.isPresent = true
            var end = field.value.upperBound
            while walk.goesOn {
                var start = end
                while start > field.value.lowerBound, request.bytes[start &- 1] != UInt8(ascii: ",") { start &-= 1 }
                take(PeerAddress(node: request.bytes(Self.trimmed(start..<end, request))), &walk)
                guard start > field.value.lowerBound else { break }
                end = start &- 1
            }
        }
        return walk.isPresent ? walk.client : nil
    }

    /// - Returns: nil when there is no such field.
    private func forwarded(_ request: borrowing Request, _ proxy: PeerAddress) -> PeerAddress? {
        var walk = Walk(client: proxy)
        for field in request.fields.reversed() where request.isEqual(field.name, "forwarded") {
            walk.isPresent = true
            var end = field.value.upperBound
            while walk.goesOn {
                // Scanned from the right, so that an open quote further left, which a client may have sent, cannot hide
                // other entries.
                guard let start = Self.elementStart(request, field.value.lowerBound..<end) else {
                    walk.goesOn = false
                    break
                }
                take(Self.node(request, start..<end).flatMap { PeerAddress(node: request.bytes($0)) }, &walk)
                guard start > field.value.lowerBound else { break }
                end = start &- 1
            }
        }
        return walk.isPresent ? walk.client : nil
    }

    private struct Walk {
        var client: PeerAddress
        var isPresent = false
        var goesOn = true
        var hopCount = 0
    }

    /// An entry that cannot be parsed ends the walk at the hop that reported it.
    private func take(_ address: PeerAddress?, _ walk: inout Walk) {
        guard let address else { return walk.goesOn = false }
        walk.client = address
        walk.hopCount &+= 1
        walk.goesOn = walk.hopCount < Self.hopsMax && covers(address)
    }

    private static func trimmed(_ range: Range<Int>, _ request: borrowing Request) -> Range<Int> {
        var (first, last) = (range.lowerBound, range.upperBound)
        while first < last, isBlank(request.bytes[first]) { first &+= 1 }
        while first < last, isBlank(request.bytes[last &- 1]) { last &-= 1 }
        return first..<last
    }

    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }

    /// Returns the start of the last element of a list whose commas may also be inside quotes.
    private static func elementStart(_ request: borrowing Request, _ range: Range<Int>) -> Int? {
        var index = range.upperBound
        var isQuoted = false
        while index > range.lowerBound {
            let octet = request.bytes[index &- 1]
            if octet == UInt8(ascii: "\\") { return nil }
            if octet == UInt8(ascii: "\"") { isQuoted.toggle() }
            if octet == UInt8(ascii: ","), !isQuoted { return index }
            index &-= 1
        }
        return isQuoted ? nil : index
    }

    /// Returns the value of the only `for` among an element's pairs, without its quotes.
    private static func node(_ request: borrowing Request, _ element: Range<Int>) -> Range<Int>? {
        var found: Range<Int>?
        var start = element.lowerBound
        while start <= element.upperBound {
            var end = start
            var isQuoted = false
            while end < element.upperBound, isQuoted || request.bytes[end] != UInt8(ascii: ";") {
                if request.bytes[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
                end &+= 1
            }
            if let value = value(request, trimmed(start..<end, request)) {
                guard found == nil else { return nil }
                found = value
            }
            start = end &+ 1
        }
        return found
    }

    private static func value(_ request: borrowing Request, _ pair: Range<Int>) -> Range<Int>? {
        let name: StaticString = "for="
        guard pair.count > name.utf8CodeUnitCount else { return nil }
        for place in 0..<name.utf8CodeUnitCount {
            let octet = request.bytes[pair.lowerBound &+ place]
            let letter = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
            guard unsafe letter == name.utf8Start[place] else { return nil }
        }
        let value = (pair.lowerBound &+ name.utf8CodeUnitCount)..<pair.upperBound
        guard request.bytes[value.lowerBound] == UInt8(ascii: "\"") else { return value }
        guard value.count >= 2, request.bytes[value.upperBound &- 1] == UInt8(ascii: "\"") else { return nil }
        return (value.lowerBound &+ 1)..<(value.upperBound &- 1)
    }
}
