package import API
import Service

extension Setting {
    package static let browser = Setting(
        "MARTLET_BROWSER", .choice(["off", "on"]), default: "off", "whether browsers get their sessions in cookies")
    package static let browserTokens = Setting(
        "MARTLET_BROWSER_TOKENS", .choice(["off", "on"]), default: "off",
        "whether pages may also get access tokens, for APIs that are not behind the gateway")
    package static let origins = Setting(
        "MARTLET_ORIGINS", .list,
        "origins of pages that may use the cookies, in addition to that of MARTLET_ISSUER: https://app.example.org, comma-separated"
    )
    package static let publicPath = Setting(
        "MARTLET_PUBLIC_PATH", .text,
        "path under which browsers find the service, such as /martlet, if a proxy removes it; empty for none")
    package static let afterSignIn = Setting(
        "MARTLET_AFTER_SIGNIN", .text, default: "/",
        "page that a browser goes to after a sign-in or a refresh, unless the request names another")
    package static let cookieName = Setting(
        "MARTLET_COOKIE_NAME", .text, default: "martlet", "middle part of the names of the cookies")
    package static let cookieDomain = Setting(
        "MARTLET_COOKIE_DOMAIN", .text, "domain whose hosts all get the cookies; empty for the one host that set them")
    package static let cookieSameSite = Setting(
        "MARTLET_COOKIE_SAMESITE", .choice(Browser.SameSite.allCases.map(\.rawValue)), default: "lax",
        "SameSite of the access and session cookies", note: "none needs MARTLET_COOKIE_PARTITIONED=on")
    package static let cookiePartitioned = Setting(
        "MARTLET_COOKIE_PARTITIONED", .choice(["off", "on"]), default: "off",
        "whether a page that embeds the application gets cookies of its own")
}

/// Whether and how browsers use the service with cookies.
package struct BrowserSettings: Sendable {
    static let settings: [Setting] = [
        .browser, .browserTokens, .origins, .publicPath, .afterSignIn, .cookieName, .cookieDomain, .cookieSameSite,
        .cookiePartitioned,
    ]

    private static let originCountMax = 64

    /// Nil unless browser mode is on.
    package let options: Browser.Options?
    let warnings: [SettingsWarning]

    /// - Parameter auth: the origin of its issuer is always in the list.
    init(_ reader: inout SettingsReader, _ auth: AuthSettings) {
        var options = Browser.Options()
        options.origins = Self.origins(&reader, auth.issuer)
        options.publicPath = Self.publicPath(&reader)
        options.afterSignIn = Self.afterSignIn(&reader, options)
        options.cookieName = Self.cookieName(&reader)
        options.domain = Self.domain(&reader)
        options.sameSite = reader.choice(.cookieSameSite, Browser.SameSite.init(rawValue:), otherwise: .lax)
        options.isPartitioned = reader.choice(.cookiePartitioned, Self.isOn, otherwise: false)
        options.allowsTokens = reader.choice(.browserTokens, Self.isOn, otherwise: false)
        guard reader.choice(.browser, Self.isOn, otherwise: false) else {
            self.options = nil
            warnings = SettingsWarning.ofUnused(Self.settings + PageSettings.settings, reader)
            return
        }
        if options.sameSite == .none, !options.isPartitioned {
            reader.complain(.cookieSameSite, "accepted without MARTLET_COOKIE_PARTITIONED=on")
        }
        Self.checkTogether(&reader, options, auth)
        self.options = options
        warnings = SettingsWarning.ofPublicPath(reader, auth.issuer) + SettingsWarning.ofGrace(reader)
    }

    private static func isOn(_ word: String) -> Bool? { word == "on" }

    private static func origins(_ reader: inout SettingsReader, _ issuer: String) -> [String] {
        let origins = reader.list(.origins)
        if !origins.allSatisfy(isOrigin) || origins.count > originCountMax {
            reader.complain(
                .origins,
                "a list of at most \(originCountMax) origins as browsers send them: https:// and a host in lower case, a "
                    + "port only if it is not 443, and nothing behind it (http is accepted for loopback only)"
            )
        }
        let own = sentOrigin(of: issuer)
        return origins.contains(own) ? origins : [own] + origins
    }

    /// An origin in the form that browsers send (RFC 6454 §6.2): exactly these bytes are compared.
    static func isOrigin(_ text: String) -> Bool {
        guard text == origin(of: text), let scheme = text.firstRange(of: "://") else { return false }
        let authority = text[scheme.upperBound...]
        let isIPv6 = authority.hasPrefix("[")
        let hostEnd =
            isIPv6 ? authority.firstIndex(of: "]").map(authority.index(after:)) : authority.firstIndex(of: ":")
        let host = authority[..<(hostEnd ?? authority.endIndex)]
        let port = authority[(hostEnd ?? authority.endIndex)...]
        guard host.utf8.count <= 255, isIPv6 ? isIPv6Literal(host) : isHostName(host) else { return false }
        if !port.isEmpty {
            guard let number = UInt16(port.dropFirst()), number > 0, port == ":\(number)" else { return false }
            guard number != (text.hasPrefix("https://") ? 443 : 80) else { return false }
        }
        switch text[..<scheme.lowerBound] {
        case "https": return true
        case "http": return ["localhost", "127.0.0.1", "[::1]"].contains(host) || host.hasSuffix(".localhost")
        default: return false
        }
    }

    /// Scheme, host and port of a URL, as they are written.
    static func origin(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let end = url[scheme.upperBound...].firstIndex(of: "/") ?? url.endIndex
        return String(url[..<end])
    }

    private static func isIPv6Literal(_ host: Substring) -> Bool {
        host.hasSuffix("]") && host.utf8.count >= 4
            && host.dropFirst().dropLast().utf8.allSatisfy { isLowerHex($0) || $0 == 0x3a }
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    /// Labels of lower-case letters, digits and hyphens; an international name in its xn-- form, as browsers send it.
    private static func isHostName(_ host: Substring) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
        }
    }

    private static func publicPath(_ reader: inout SettingsReader) -> String {
        let path = reader.text(.publicPath)
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let isPath =
            path.isEmpty
            || (path.hasPrefix("/") && path.utf8.count <= 128
                && segments.allSatisfy { segment in
                    !segment.isEmpty && segment != "." && segment != ".." && segment.utf8.allSatisfy(isPathByte)
                })
        if !isPath {
            reader.complain(
                .publicPath,
                "a path such as /martlet: segments of letters, digits, -, . and _, without a slash at its end")
        }
        return path
    }

    /// The same rules as for an address that a request names.
    private static func afterSignIn(_ reader: inout SettingsReader, _ options: Browser.Options) -> ReturnAddress? {
        let address = ReturnAddress(
            reader.text(.afterSignIn), origins: options.origins, publicPath: options.publicPath)
        if address == nil {
            reader.complain(
                .afterSignIn,
                "a path such as /home, or a URL whose origin is in MARTLET_ORIGINS; without spaces, \\, // and dot "
                    + "segments in its path, up to \(ReturnAddress.byteCountMax) bytes, and not /refresh or /signin")
        }
        return address
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x2e
            || byte == 0x5f
    }

    private static func cookieName(_ reader: inout SettingsReader) -> String {
        let name = reader.text(.cookieName)
        let isName =
            (1...32).contains(name.utf8.count)
            && name.utf8.allSatisfy { isPathByte($0) && $0 != 0x2e }
        if !isName { reader.complain(.cookieName, "a name of 1 to 32 letters, digits, - and _") }
        return name
    }

    private static func domain(_ reader: inout SettingsReader) -> String? {
        let domain = reader.text(.cookieDomain)
        guard !domain.isEmpty else { return nil }
        if !isDomain(domain) {
            reader.complain(.cookieDomain, "a domain such as example.org, in lower case and without a dot in front")
        }
        return domain
    }

    static func isDomain(_ text: String) -> Bool {
        let isAddress = text.split(separator: ".").last.map { $0.utf8.allSatisfy { $0 <= 0x39 } } ?? true
        return text.utf8.count <= 253 && text.contains(".") && !isAddress && isHostName(text[...])
    }
}
