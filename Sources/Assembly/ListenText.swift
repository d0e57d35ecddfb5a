/// One address to listen on, as it was written and as it was understood.
package enum ListenText: Equatable, Sendable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    /// Reads `host:port`, `[v6]:port` or `unix:/path`.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // sun_path holds 108 octets with its terminator (unix(7)).
            guard !path.isEmpty, path.utf8.count < 108, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self = .tcp(host: host, port: port)
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
            reader.complain(setting, "a list of host:port, [v6]:port or unix:/path")
        }
        return read
    }
}
