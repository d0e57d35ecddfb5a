internal import Platform

/// An http or https URL that the client may request: over TLS, or unencrypted to this machine only (RFC 3986, RFC 9110
/// §4.2).
///
/// Only unambiguous spellings are accepted: printable ASCII, no user information, no fragment, no backslash. Names are
/// compared and sent in lower case; the path is sent as written.
package struct WebAddress: Equatable, Sendable {
    package static let byteCountMax = 2_048

    package let isSecure: Bool
    /// A name or an address; an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    /// Path and query, beginning with a slash.
    package let target: String

    /// - Throws: `.url` if the text is not such a URL, `.insecure` for http to another machine.
    package init(_ text: String) throws(FetchError) {
        let octets = Array(text.utf8)
        guard octets.count <= Self.byteCountMax, octets.allSatisfy(Self.isUsable) else { throw .url(Self.shown(text)) }
        let rest: Substring
        if let found = Self.rest(of: text, after: "https://") {
            (isSecure, rest) = (true, found)
        } else if let found = Self.rest(of: text, after: "http://") {
            (isSecure, rest) = (false, found)
        } else {
            throw .url(Self.shown(text))
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard let (host, port) = Self.split(authority, port: isSecure ? 443 : 80) else { throw .url(Self.shown(text)) }
        let tail = rest.dropFirst(authority.count)
        self.host = host
        self.port = port
        target = tail.first == "/" ? String(tail) : "/" + tail
        guard isSecure || isLoopback else { throw .insecure(Self.shown(text)) }
    }

    private init(isSecure: Bool, host: String, port: UInt16, target: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
    }

    /// Returns the URL of another target on the same server.
    package func at(_ target: String) -> WebAddress {
        WebAddress(isSecure: isSecure, host: host, port: port, target: target)
    }

    /// The path without the query.
    package var path: String { String(target.prefix { $0 != "?" }) }

    /// Whether the host is always this machine: a loopback address, or the reserved name `localhost` (RFC 6761 §6.3).
    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || Self.isLoopbackV4(host)
    }

    /// The value for `Host` and for `CONNECT` (RFC 9110 §7.2).
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var text: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    /// Resolves a `Location` (RFC 9110 §10.2.2): any URI reference, by RFC 3986 §5.2, without its fragment.
    ///
    /// - Throws: also for a redirect that leaves TLS.
    func redirected(to location: String) throws(FetchError) -> WebAddress {
        let next: WebAddress
        let reference = location.prefix { $0 != "#" }
        if reference.hasPrefix("//") {
            next = try WebAddress((isSecure ? "https:" : "http:") + reference)
        } else if Self.hasScheme(reference) {
            next = try WebAddress(String(reference))
        } else {
            let target = resolved(reference)
            let octets = Array(target.utf8)
            guard octets.count <= Self.byteCountMax, octets.allSatisfy(Self.isUsable) else {
                throw .url(Self.shown(location))
            }
            next = at(target)
        }
        guard next.isSecure || !isSecure else { throw .insecure(Self.shown(location)) }
        return next
    }

    /// Returns whether a reference begins with a scheme and its colon (RFC 3986 §3.1), and not with a path that has a
    /// colon later.
    private static func hasScheme(_ reference: Substring) -> Bool {
        let first = reference.prefix { $0 != "/" && $0 != "?" }
        return first.contains(":")
    }

    /// Resolves a reference of path and query against this target (RFC 3986 §5.2.2 to §5.2.4).
    private func resolved(_ reference: Substring) -> String {
        guard !reference.isEmpty else { return target }
        let written = reference.prefix { $0 != "?" }
        let query = reference.dropFirst(written.count)
        if written.isEmpty { return path + query }
        let folder = written.hasPrefix("/") ? "" : path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)
        let whole = folder + written
        return Self.withoutDots(String(whole)) + query
    }

    /// Removes the `.` and `..` segments of a path that begins with a slash; none leads above the root.
    private static func withoutDots(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            let isLast = index == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }

    private static func rest(of text: String, after scheme: String) -> Substring? {
        guard text.prefix(scheme.count).lowercased() == scheme else { return nil }
        return text.dropFirst(scheme.count)
    }

    private static func split(_ authority: Substring, port standard: UInt16) -> (String, UInt16)? {
        var host = authority
        var port = standard
        if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
            let digits = authority[authority.index(after: colon)...]
            guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = UInt16(digits), number > 0 else {
                return nil
            }
            port = number
            host = authority[..<colon]
        }
        let name = host.lowercased()
        if name.hasPrefix("["), name.hasSuffix("]") {
            let inner = String(name.dropFirst().dropLast())
            return NumericAddress.isV6(inner) ? (inner, port) : nil
        }
        return isName(name) ? (name, port) : nil
    }

    /// Returns whether the host has only letters, digits, hyphens, underscores and dots; IPv4 addresses match too.
    private static func isName(_ host: String) -> Bool {
        let isSpelled = host.utf8.allSatisfy {
            0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: ".")
        }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard isSpelled, host.utf8.count <= 253, labels.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 63 }) else {
            return false
        }
        // A host whose last label begins with a digit is an address, which is accepted in one spelling only (not
        // `127.1` or `0x7f.1`).
        let isNumeric = labels.last?.utf8.first.map { 0x30...0x39 ~= $0 } ?? true
        return !isNumeric || NumericAddress.isV4(host)
    }

    private static func isLoopbackV4(_ host: String) -> Bool {
        NumericAddress.isV4(host) && host.hasPrefix("127.")
    }

    private static func isUsable(_ octet: UInt8) -> Bool {
        0x21...0x7E ~= octet && ![0x22, 0x23, 0x3C, 0x3E, 0x40, 0x5C, 0x5E, 0x60, 0x7B, 0x7C, 0x7D].contains(octet)
    }

    /// Returns a short text for messages, without characters that act on a terminal.
    private static func shown(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(120).map { scalar in
            0x20..<0x7F ~= scalar.value ? Character(scalar) : "?"
        }
        return String(scalars)
    }
}
