/// The address of an engine, without a password.
package struct StoreAddress: Equatable, Sendable {
    package enum Engine: Equatable, Sendable {
        case redis(RedisPlace)
        /// The address as libpq reads it; libpq checks the rest.
        case postgres
    }

    /// As it was given.
    package let text: String
    package let engine: Engine

    /// - Throws: a phrase that completes "… is not", without any part of the text.
    package init(_ text: String) throws(StoreAddressError) {
        self.text = text
        guard let end = text.firstRange(of: "://"),
            text.utf8.allSatisfy({ 0x21...0x7e ~= $0 })
        else { throw .form }
        let (scheme, rest) = (text[..<end.lowerBound], text[end.upperBound...])
        switch scheme {
        case "redis": engine = .redis(try RedisPlace(rest, isSecure: false, isSentinel: false))
        case "rediss": engine = .redis(try RedisPlace(rest, isSecure: true, isSentinel: false))
        case "redis+sentinel": engine = .redis(try RedisPlace(rest, isSecure: false, isSentinel: true))
        case "rediss+sentinel": engine = .redis(try RedisPlace(rest, isSecure: true, isSentinel: true))
        case "postgres", "postgresql":
            try Self.checkPostgres(rest)
            engine = .postgres
        default: throw .form
        }
    }

    /// libpq would take a password from several places of an address.
    private static func checkPostgres(_ rest: Substring) throws(StoreAddressError) {
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let authority = parts[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)[0]
        if let at = authority.lastIndex(of: "@"), authority[..<at].contains(":") { throw .password }
        for pair in parts.dropFirst().joined().split(separator: "&") {
            let name = try decoded(pair.split(separator: "=", omittingEmptySubsequences: false)[0])
            switch name {
            case "password", "sslpassword", "passfile", "service", "servicefile": throw .password
            case "target_session_attrs", "connect_timeout", "client_encoding": throw .parameter(name)
            default: break
            }
        }
    }

    /// Returns the text with its percent escapes decoded (RFC 3986 §2.1).
    static func decoded(_ text: Substring) throws(StoreAddressError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit),
                high << 4 | low >= 0x20
            else { throw .form }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .form }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}

/// Why a text is not the address of an engine.
package enum StoreAddressError: Error, Equatable, Sendable {
    case form
    /// A password, or a file with one, is part of it.
    case password
    /// A parameter that Martlet sets itself.
    case parameter(String)
}
