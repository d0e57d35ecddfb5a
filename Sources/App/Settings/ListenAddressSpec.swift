import HTTP

/// One address to listen on, parsed from the settings.
package struct ListenAddressSpec: Equatable, Sendable {
    package enum Place: Equatable, Sendable {
        case tcp(host: String, port: UInt16)
        /// - Parameter mode: of the socket's file.
        case unix(path: String, mode: UInt16)
        /// A socket that the process was started with, by its name there (sd_listen_fds_with_names(3)).
        case inherited(name: String)

        /// Identifies the address; the mode of a socket's file does not count.
        fileprivate var name: String {
            switch self {
            case .tcp(let host, let port): "\(host.contains(":") ? "[\(host)]" : host):\(port)"
            case .unix(let path, _): "unix:\(path)"
            case .inherited(let name): "fd:\(name)"
            }
        }
    }

    /// Read and write for owner and group.
    package static let usualMode: UInt16 = 0o660

    package let place: Place
    /// Whether it speaks TLS.
    package let isSecure: Bool
    /// Whether a proxy begins every connection with a header of the PROXY protocol.
    package let usesProxyProtocol: Bool

    private init(_ place: Place, isSecure: Bool = false, usesProxyProtocol: Bool = false) {
        self.place = place
        self.isSecure = isSecure
        self.usesProxyProtocol = usesProxyProtocol
    }

    package static func tcp(host: String, port: UInt16) -> ListenAddressSpec {
        ListenAddressSpec(.tcp(host: host, port: port))
    }

    package static func tls(host: String, port: UInt16) -> ListenAddressSpec {
        ListenAddressSpec(.tcp(host: host, port: port), isSecure: true)
    }

    package static func unix(path: String, mode: UInt16 = usualMode) -> ListenAddressSpec {
        ListenAddressSpec(.unix(path: path, mode: mode))
    }

    /// Parses `host:port`, `[v6]:port`, `unix:/path`, `unix:/path?mode=0600` or `fd:name`, with `https://` in front for
    /// TLS, except for a path, and `proxy+` before that for the PROXY protocol.
    package init?(_ text: String) {
        var rest = text[...]
        usesProxyProtocol = rest.dropPrefix("proxy+")
        isSecure = rest.dropPrefix("https://")
        let place: Place?
        if rest.dropPrefix("unix:") {
            place = isSecure ? nil : Self.unixPlace(rest)
        } else if rest.dropPrefix("fd:") {
            // The characters that systemd.socket(5) allows; the separators of lists and addresses are not among them.
            let isName =
                !rest.isEmpty && rest.utf8.count <= 255
                && rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x3a && $0 != 0x2c }
            place = isName ? .inherited(name: String(rest)) : nil
        } else {
            place = Self.tcpPlace(rest)
        }
        guard let place else { return nil }
        self.place = place
    }

    private static func unixPlace(_ text: Substring) -> Place? {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(parts[0])
        // sun_path has 108 bytes with its terminator (unix(7)).
        // In other programs @ begins an abstract name, which has no mode; here it would be a file.
        guard !path.isEmpty, !path.hasPrefix("@"), path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
        guard parts.count == 2 else { return .unix(path: path, mode: usualMode) }
        var digits = parts[1]
        // Write permission allows connecting (unix(7)); the other bits have no effect.
        guard digits.dropPrefix("mode="), digits.utf8.count == 3 || digits.utf8.count == 4,
            let mode = UInt16(digits, radix: 8), digits.utf8.allSatisfy({ $0 != 0x2b }), mode <= 0o777,
            mode & 0o200 != 0
        else { return nil }
        return .unix(path: path, mode: mode)
    }

    private static func tcpPlace(_ text: Substring) -> Place? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        // No address contains them; they remain of a prefix that is misspelled or repeated.
        guard !host.isEmpty, !host.contains("+"), !host.contains("/") else { return nil }
        // Names are not resolved, because the result can change between the check and the start.
        guard host == "localhost" || PeerAddress(text: host.utf8.span) != nil else { return nil }
        return .tcp(host: host, port: port)
    }

    /// The same address with TLS, if it is a TCP address.
    var secured: ListenAddressSpec {
        guard case .tcp = place else { return self }
        return ListenAddressSpec(place, isSecure: true, usesProxyProtocol: usesProxyProtocol)
    }

    /// The first of a comma-separated list.
    package init?(first texts: String) {
        guard let text = texts.split(separator: ",").first else { return nil }
        self.init(text.trimmingBlanks)
    }

    static func read(_ setting: Setting, _ reader: inout SettingsReader, mayBeEmpty: Bool) -> [ListenAddressSpec] {
        let texts = reader.list(setting)
        let read = texts.compactMap { ListenAddressSpec($0) }
        if read.count != texts.count || (read.isEmpty && !mayBeEmpty) {
            reader.complain(
                setting,
                "a list of address:port, [v6]:port, https:// or proxy+ and one of these, unix:/path, or fd:name, with "
                    + "an IP address or localhost as address; 0.0.0.0 or [::] for all addresses of the machine")
        }
        return read
    }

    /// Reports addresses that two listeners cannot use at the same time.
    static func checkDistinct(
        _ listen: [ListenAddressSpec], _ operatorListen: [ListenAddressSpec], _ reader: inout SettingsReader
    ) {
        var taken: [ListenAddressSpec] = []
        for (setting, texts) in [(Setting.listen, listen), (.operatorListen, operatorListen)] {
            for text in texts {
                if let other = taken.first(where: { $0.excludes(text) }) {
                    reader.complain(setting, "valid: \(text.placeText) overlaps with \(other.placeText)")
                }
                taken.append(text)
            }
        }
    }

    private func excludes(_ other: ListenAddressSpec) -> Bool {
        guard case .tcp(let host, let port) = place, case .tcp(let otherHost, let otherPort) = other.place else {
            return place.name == other.place.name
        }
        guard port == otherPort, port != 0, host.contains(":") == otherHost.contains(":") else { return false }
        let literals = [Self.literal(host), Self.literal(otherHost)]
        return literals[0] == literals[1] || literals.contains { $0 == "0.0.0.0" || $0 == "::" }
    }

    private static func literal(_ host: String) -> String { host == "localhost" ? "127.0.0.1" : host }

    private var placeText: String { place.name }
}

extension Substring {
    /// - Returns: whether it was there.
    fileprivate mutating func dropPrefix(_ prefix: String) -> Bool {
        guard hasPrefix(prefix) else { return false }
        removeFirst(prefix.count)
        return true
    }
}
