/// One address to listen on, as it was written and as it was understood.
package enum ListenText: Equatable, Sendable {
    case tcp(host: String, port: UInt16)
    /// TCP with TLS on it.
    case tls(host: String, port: UInt16)
    case unix(path: String)

    /// Reads `host:port`, `[v6]:port`, both also with `https://` in front, or `unix:/path`.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // sun_path holds 108 octets with its terminator (unix(7)).
            guard !path.isEmpty, path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        let scheme = "https://"
        let isSecure = text.hasPrefix(scheme)
        let rest = isSecure ? text.dropFirst(scheme.count) : text[...]
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
            return nil
        }
        var host = String(rest[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = isSecure ? .tls(host: host, port: port) : .tcp(host: host, port: port)
    }

    package var isSecure: Bool {
        if case .tls = self { true } else { false }
    }

    /// The same address with TLS, if it can have it.
    var secured: ListenText {
        if case .tcp(let host, let port) = self { .tls(host: host, port: port) } else { self }
    }

    /// The first of a comma-separated list.
    package init?(first texts: String) {
        guard let text = texts.split(separator: ",").first else { return nil }
        self.init(text.trimmingBlanks)
    }

    static func read(_ setting: Setting, _ reader: inout SettingsReader, mayBeEmpty: Bool) -> [ListenText] {
        let texts = reader.list(setting)
        let read = texts.compactMap { ListenText($0) }
        if read.count != texts.count || (read.isEmpty && !mayBeEmpty) {
            reader.complain(setting, "a list of host:port, [v6]:port, https:// and one of these, or unix:/path")
        }
        return read
    }
}
