import Encoding
package import HTTP

/// Parses the PROXY protocol header, with which a proxy describes a connection before the bytes of the connection
/// itself: versions 1 (a line of text) and 2 (binary), as described in HAProxy's `proxy-protocol.txt`.
///
/// The parser is a pure function of the bytes received so far. It accepts exactly one form of each header and ignores
/// the bytes after it.
package enum ProxyHeader {
    package enum Progress: Equatable, Sendable {
        /// The bytes so far are a valid beginning of a header, and all of them belong to it.
        case needsMore
        /// - Parameters:
        ///   - consumed: the length of the header in bytes.
        ///   - client: the other end; nil if the proxy speaks for itself (LOCAL) or does not know.
        case complete(consumed: Int, client: PeerAddress?)
        case malformed
    }

    /// The maximum length of a header including its extensions. The protocol allows up to 65,551 bytes.
    package static let byteCountMax = 2_048

    private static let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"
    private static let word: StaticString = "PROXY "

    package static func read(_ octets: Span<UInt8>) -> Progress {
        guard let first = octets.indices.first.map({ octets[$0] }) else { return .needsMore }
        if first == .carriageReturn { return readBinary(octets) }
        return readText(octets)
    }

    /// Returns whether `octets` and `text` agree over the shorter of their lengths.
    private static func agrees(_ octets: Span<UInt8>, with text: StaticString) -> Bool {
        for index in 0..<min(octets.count, text.utf8CodeUnitCount) {
            let expected = unsafe text.utf8Start[index]
            guard octets[index] == expected else { return false }
        }
        return true
    }
}

// Version 1: one line of at most 107 bytes.
extension ProxyHeader {
    private static let lineByteCountMax = 107

    private static func readText(_ octets: Span<UInt8>) -> Progress {
        guard agrees(octets, with: word) else { return .malformed }
        var end = 0
        while end < octets.count, octets[end] != .carriageReturn {
            guard octets[end] >= 0x20, octets[end] < 0x7f else { return .malformed }
            end &+= 1
        }
        guard end &+ 2 <= lineByteCountMax else { return .malformed }
        guard end &+ 1 < octets.count else { return .needsMore }
        guard octets[end &+ 1] == .lineFeed else { return .malformed }
        guard end > word.utf8CodeUnitCount else { return .malformed }
        guard let client = parties(octets.extracting(word.utf8CodeUnitCount..<end)) else { return .malformed }
        return .complete(consumed: end &+ 2, client: client.address)
    }

    private struct Client {
        var address: PeerAddress?
    }

    /// Parses `TCP4` or `TCP6`, two addresses and two ports, separated by one space; or `UNKNOWN` and any text after
    /// it.
    private static func parties(_ line: Span<UInt8>) -> Client? {
        let kind = line.extracting(0..<wordEnd(line, from: 0))
        if agrees(kind, with: "UNKNOWN"), kind.count == 7 { return Client(address: nil) }
        let isFour = agrees(kind, with: "TCP4")
        guard kind.count == 4, isFour || agrees(kind, with: "TCP6") else { return nil }
        var start = 5
        var source: PeerAddress?
        for place in 0..<4 {
            guard start < line.count else { return nil }
            let end = wordEnd(line, from: start)
            let word = line.extracting(start..<end)
            if place < 2 {
                // The notation decides, not the embedded address: ::ffff:192.0.2.1 is a TCP6 address.
                guard let address = PeerAddress(text: word), hasColon(word) != isFour else { return nil }
                source = source ?? address
            } else {
                guard isPort(word) else { return nil }
            }
            guard place < 3 ? end < line.count : end == line.count else { return nil }
            start = end &+ 1
        }
        return Client(address: source)
    }

    private static func wordEnd(_ line: Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < line.count, line[end] != .space { end &+= 1 }
        return end
    }

    private static func hasColon(_ word: Span<UInt8>) -> Bool {
        for index in word.indices where word[index] == .colon { return true }
        return false
    }

    /// Returns whether it is a decimal number from 0 to 65535 without leading zeros.
    private static func isPort(_ word: Span<UInt8>) -> Bool {
        guard word.count >= 1, word.count <= 5, word.count == 1 || word[0] != UInt8(ascii: "0") else { return false }
        var value = 0
        for index in word.indices {
            guard word[index] >= UInt8(ascii: "0"), word[index] <= UInt8(ascii: "9") else { return false }
            value = value &* 10 &+ Int(word[index] &- UInt8(ascii: "0"))
        }
        return value <= 65_535
    }
}

// Version 2: a signature, version and command, family and transport, a length, addresses, and extensions.
extension ProxyHeader {
    private static let fixedByteCount = 16
    /// The extension with a CRC-32C of the whole header, computed with this field as zero (PP2_TYPE_CRC32C).
    private static let checksumType: UInt8 = 0x03

    private static func readBinary(_ octets: Span<UInt8>) -> Progress {
        guard agrees(octets, with: signature) else { return .malformed }
        guard octets.count >= fixedByteCount else { return .needsMore }
        let command = octets[12]
        guard command == 0x20 || command == 0x21 else { return .malformed }
        let total = fixedByteCount &+ number(octets, 14)
        guard total <= byteCountMax else { return .malformed }
        // If the proxy speaks for itself or does not know, its addresses and extensions are skipped.
        guard command == 0x21, octets[13] != 0 else {
            return octets.count >= total ? .complete(consumed: total, client: nil) : .needsMore
        }
        guard let addresses = addressByteCount(octets[13]), fixedByteCount &+ addresses <= total else {
            return .malformed
        }
        guard octets.count >= total else { return .needsMore }
        let header = octets.extracting(0..<total)
        guard areExtensionsSound(header, from: fixedByteCount &+ addresses) else { return .malformed }
        return .complete(consumed: total, client: client(header))
    }

    /// Returns the length of the addresses in bytes.
    ///
    /// - Returns: nil for families and transports that the server does not support.
    private static func addressByteCount(_ family: UInt8) -> Int? {
        switch family {
        case 0x11: 12
        case 0x21: 36
        case 0x31: 216
        default: nil
        }
    }

    /// A Unix socket at the proxy has no client address, and must not be confused with a local Unix socket.
    private static func client(_ header: Span<UInt8>) -> PeerAddress? {
        switch header[13] {
        case 0x11: .ipv4(UInt32(truncatingIfNeeded: wide(header, 16..<20)))
        case 0x21: PeerAddress(octets: header.extracting(16..<32))
        default: nil
        }
    }

    /// Returns whether the extensions fill the header exactly and the checksum, if present, is correct.
    private static func areExtensionsSound(_ header: Span<UInt8>, from start: Int) -> Bool {
        var index = start
        while index < header.count {
            guard index &+ 3 <= header.count else { return false }
            let (value, byteCount) = (index &+ 3, number(header, index &+ 1))
            guard value &+ byteCount <= header.count else { return false }
            if header[index] == checksumType {
                guard byteCount == 4, isChecksumRight(header, at: value) else { return false }
            }
            index = value &+ byteCount
        }
        return true
    }

    private static func isChecksumRight(_ header: Span<UInt8>, at place: Int) -> Bool {
        var octets: [UInt8] = []
        octets.reserveCapacity(header.count)
        for index in header.indices { octets.append(index >= place && index < place &+ 4 ? 0 : header[index]) }
        return UInt64(CRC32C.checksum(octets.span)) == wide(header, place..<(place &+ 4))
    }

    private static func number(_ octets: Span<UInt8>, _ start: Int) -> Int {
        Int(octets[start]) << 8 | Int(octets[start &+ 1])
    }

    private static func wide(_ octets: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
        range.reduce(0) { $0 << 8 | UInt64(octets[$1]) }
    }
}
