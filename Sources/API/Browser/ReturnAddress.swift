/// Where a browser goes after a sign-in or a refresh: a page of this site, or of an origin in the list.
///
/// An attacker can write the link that contains it. Therefore everything that a browser or a server could read as another
/// host is rejected. ``text`` is printable ASCII without `"`, `<` and `>`; HTML still escapes it.
package struct ReturnAddress: Equatable, Sendable {
    /// Longer addresses are ignored.
    package static let byteCountMax = 2_047

    package let text: String
    /// Nil for a path on the origin that the browser asks.
    package let origin: String?

    static let root = ReturnAddress()

    private init() {
        text = "/"
        origin = nil
    }

    /// - Parameters:
    ///   - text: as sent, after the decoding of the query or the form that carried it.
    ///   - origins: the only origins that an absolute URL may have, in the form in which browsers send them.
    ///   - publicPath: where browsers find this service. Its `/refresh` and `/signin` would lead back here.
    package init?(_ text: String, origins: [String], publicPath: String) {
        let bytes = Array(text.utf8)
        guard (1...Self.byteCountMax).contains(bytes.count), bytes.allSatisfy(Self.isPlain) else { return nil }
        if bytes.first == UInt8(ascii: "/") {
            origin = nil
        } else {
            // What follows an origin must end its authority: neither a longer host, nor a port, nor user information.
            guard
                let found = origins.first(where: { origin in
                    guard bytes.starts(with: origin.utf8) else { return false }
                    let next = bytes.dropFirst(origin.utf8.count).first
                    return next.map { Self.authorityEnds.contains($0) } ?? true
                })
            else { return nil }
            origin = found
        }
        self.text = text
        guard Self.isAcceptable(bytes.dropFirst(origin?.utf8.count ?? 0), publicPath: publicPath) else { return nil }
    }

    /// `/`, `?` and `#`.
    private static let authorityEnds: [UInt8] = [0x2f, 0x3f, 0x23]

    /// How often a path may be encoded: each server on the way may decode it once.
    private static let decodingCountMax = 4

    /// - Parameter rest: what follows the origin; the path may be missing.
    private static func isAcceptable(_ rest: ArraySlice<UInt8>, publicPath: String) -> Bool {
        let pathEnd = rest.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? rest.endIndex
        var path = Array(rest[..<pathEnd])
        for _ in 0..<decodingCountMax {
            guard isPath(path), path != Array("\(publicPath)/refresh".utf8),
                path != Array("\(publicPath)/signin".utf8)
            else { return false }
            let decoded = decoded(path)
            if decoded == path { return !hasHiddenControl(Array(rest[pathEnd...])) }
            path = decoded
        }
        return false
    }

    /// Empty, or segments that each begin with one slash. Browsers resolve dot segments before they send an address, so
    /// none is needed.
    private static func isPath(_ path: [UInt8]) -> Bool {
        guard path.allSatisfy({ $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }) else { return false }
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
        return segments.enumerated().allSatisfy { index, segment in
            let isLast = index == segments.count - 1
            return (isLast || !segment.isEmpty) && segment != [UInt8(ascii: ".")] && segment != Array("..".utf8)[...]
        }
    }

    /// Whether a query or a fragment has an encoded control character, which some server could decode into a header.
    private static func hasHiddenControl(_ rest: [UInt8]) -> Bool {
        var text = rest
        for _ in 0..<decodingCountMax {
            let decoded = decoded(text)
            if decoded.contains(where: { $0 < 0x20 || $0 == 0x7f }) { return true }
            if decoded == text { return false }
            text = decoded
        }
        return true
    }

    /// Printable ASCII without the characters that end an attribute, and without the backslash, which browsers take for a
    /// slash.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"): false
        default: (0x21...0x7e).contains(byte)
        }
    }

    /// Decodes each valid percent-encoding once, and leaves the others.
    private static func decoded(_ text: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            guard byte == UInt8(ascii: "%"), digits.count == 2, let high = digits.first.flatMap(hexValue),
                let low = digits.last.flatMap(hexValue)
            else {
                output.append(byte)
                continue
            }
            output.append(high << 4 | low)
            rest = rest.dropFirst(2)
        }
        return output
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

extension Browser {
    /// The address that a request names; ``Browser/afterSignIn`` if it names none, or one that is not acceptable.
    func returnAddress(_ sent: String?) -> ReturnAddress {
        sent.flatMap { ReturnAddress($0, origins: originTexts, publicPath: publicPath) } ?? afterSignIn
    }
}
