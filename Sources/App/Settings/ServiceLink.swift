import HTTP

/// Recognizes the variables that Kubernetes sets in every pod of a namespace for a Service named `martlet` or
/// `martlet-something`.
///
/// Both the name and the value must match, so that a misspelled setting is still reported.
enum ServiceLink {
    static func isOne(_ name: String, _ value: String) -> Bool {
        guard name.hasPrefix("MARTLET_") else { return false }
        let words = name.dropFirst("MARTLET_".count).split(separator: "_", omittingEmptySubsequences: false)
        guard words.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) }) else { return false }
        // The names of ports and Services can have several words, so every position is tried.
        return words.indices.contains { isLink(words[$0...].map(String.init), value) }
    }

    /// Checks the part after the name of the Service.
    private static func isLink(_ words: [String], _ value: String) -> Bool {
        switch (words.first, words.dropFirst().first) {
        case ("SERVICE", "HOST"): words.count == 2 && isAddress(value)
        case ("SERVICE", "PORT"): isPort(value)
        case ("PORT", nil): isURL(value)
        case ("PORT", let port?): isPort(port) && isPortLink(Array(words.dropFirst(2)), value)
        default: false
        }
    }

    /// Accepts `TCP`, alone or followed by `PROTO`, `PORT` or `ADDR`.
    private static func isPortLink(_ words: [String], _ value: String) -> Bool {
        guard let kind = words.first, protocols.contains(kind.lowercased()) else { return false }
        switch words.dropFirst().first {
        case nil: return isURL(value)
        case "PROTO": return words.count == 2 && protocols.contains(value)
        case "PORT": return words.count == 2 && isPort(value)
        case "ADDR": return words.count == 2 && isAddress(value)
        default: return false
        }
    }

    private static let protocols: Set<String> = ["tcp", "udp", "sctp"]

    /// Accepts URLs such as `tcp://10.96.0.7:8080` and `tcp://[fd00::7]:8080`.
    private static func isURL(_ text: String) -> Bool {
        guard let kind = protocols.first(where: { text.hasPrefix($0 + "://") }) else { return false }
        let rest = text.dropFirst(kind.count + 3)
        guard let colon = rest.lastIndex(of: ":"), isPort(String(rest[rest.index(after: colon)...])) else {
            return false
        }
        let host = rest[..<colon]
        return isAddress(String(host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host))
    }

    private static func isAddress(_ text: String) -> Bool { PeerAddress(text: Array(text.utf8).span) != nil }

    private static func isPort(_ text: String) -> Bool {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { 0x30...0x39 ~= $0 } && UInt16(text) != nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool { 0x41...0x5a ~= byte || 0x30...0x39 ~= byte }
}
