/// Where Redis or Valkey is, from an address such as `rediss://user@host:6380/0`.
package struct RedisPlace: Equatable, Sendable {
    package struct Host: Equatable, Sendable {
        /// A name or an address, without brackets.
        package let name: String
        package let port: UInt16
    }

    /// One server, or the Sentinels that know it.
    package let hosts: [Host]
    package let isSecure: Bool
    /// Nil for the default user.
    package let user: String?
    package let database: Int
    /// The name that the Sentinels have for the primary; nil for a server that is addressed directly.
    package let primaryName: String?

    private static let hostCountMax = 16

    /// - Parameter text: what follows the scheme.
    init(_ text: Substring, isSecure: Bool, isSentinel: Bool) throws(StoreAddressError) {
        self.isSecure = isSecure
        var authority = text
        var path: Substring = ""
        if let slash = text.firstIndex(of: "/") {
            authority = text[..<slash]
            path = text[text.index(after: slash)...]
        }
        // A `?` in a user's name is written %3F, so that this finds an attempt to give a password as a parameter too.
        if text.contains("?") || text.contains("#") { throw text.contains("password") ? .password : .form }
        if let at = authority.lastIndex(of: "@") {
            let name = authority[..<at]
            if name.contains(":") { throw .password }
            let decoded = try StoreAddress.decoded(name)
            guard !decoded.isEmpty, !decoded.contains(" ") else { throw .form }
            user = decoded
            authority = authority[authority.index(after: at)...]
        } else {
            user = nil
        }
        var hosts: [Host] = []
        for part in authority.split(separator: ",", omittingEmptySubsequences: false) {
            hosts.append(try Self.host(part, port: isSentinel ? 26_379 : 6_379))
        }
        guard (1...(isSentinel ? Self.hostCountMax : 1)).contains(hosts.count) else { throw .form }
        self.hosts = hosts
        if isSentinel {
            guard !path.isEmpty, path.utf8.allSatisfy(Self.isOfName) else { throw .form }
            (primaryName, database) = (String(path), 0)
        } else {
            guard let number = path.isEmpty ? 0 : Int(path), 0...1_023 ~= number else { throw .form }
            (primaryName, database) = (nil, number)
        }
    }

    private static func host(_ text: Substring, port defaultPort: UInt16) throws(StoreAddressError) -> Host {
        var name = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw .form }
            name = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { throw .form }
            if !rest.isEmpty { port = rest.dropFirst() }
            guard name.utf8.allSatisfy({ $0 == 0x3a || $0 == 0x2e || $0 == 0x25 || isOfName($0) }) else { throw .form }
        } else {
            if let colon = text.firstIndex(of: ":") {
                name = text[..<colon]
                port = text[text.index(after: colon)...]
            }
            guard name.utf8.allSatisfy(isOfName) else { throw .form }
        }
        guard !name.isEmpty, name.utf8.count <= 253 else { throw .form }
        guard let port else { return Host(name: String(name), port: defaultPort) }
        guard port.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = UInt16(port), number > 0 else { throw .form }
        return Host(name: String(name), port: number)
    }

    /// Letters, digits, `-`, `.` and `_`.
    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }
}
