import Encoding
import HTTP
package import Pages

/// What browser mode needs: the names and attributes of the cookies, and the origins that may use them.
///
/// Without it, the service sets no cookie, reads none and answers no preflight.
package final class Browser: Sendable {
    /// The setting of the cookies that accompany requests to applications.
    package enum SameSite: String, CaseIterable, Sendable {
        case lax, strict, none

        var attribute: String {
            switch self {
            case .lax: "Lax"
            case .strict: "Strict"
            case .none: "None"
            }
        }
    }

    package struct Options: Sendable {
        /// The middle of each cookie's name.
        package var cookieName = "martlet"
        /// Nil for cookies of one host.
        package var domain: String?
        package var sameSite = SameSite.lax
        package var isPartitioned = false
        /// Where browsers find the service, without a slash at its end; empty for the root.
        package var publicPath = ""
        /// The origins that may use cookies, in the form in which browsers send them.
        package var origins: [String] = []
        /// Whether pages may ask for access tokens.
        package var allowsTokens = false
        /// Where a browser goes that does not say where to; nil for the root.
        package var afterSignIn: ReturnAddress?
        /// What the pages for browsers without script share; it has the same public path.
        package var pages = PageSite()

        package init() {}
    }

    /// As bytes, which requests are compared with.
    let origins: [[UInt8]]
    let originTexts: [String]
    /// For each origin, the lines that let its pages read an answer.
    let originLines: [[UInt8]]
    /// Where browsers find the service, without a slash at its end; empty for the root.
    let publicPath: String
    let afterSignIn: ReturnAddress
    /// Whether pages may ask for access tokens, for APIs that are not behind the gateway.
    let allowsTokens: Bool
    let cookies: CookieSet
    let pages: PageSite
    let signInPages: FinishedSignInPages
    /// How long an access token may be to fit into its cookie.
    package var accessByteCountMax: Int { cookies.access.valueByteCountMax }

    private static let exposure =
        "\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: Retry-After, Refresh-Outcome, WWW-Authenticate, Revocation-Seq, ETag\r\n"

    package init(_ options: Options) {
        pages = options.pages
        signInPages = FinishedSignInPages(options.pages)
        originTexts = options.origins
        publicPath = options.publicPath
        allowsTokens = options.allowsTokens
        afterSignIn = options.afterSignIn ?? .root
        origins = options.origins.map { Array($0.utf8) }
        originLines = options.origins.map { Array("Access-Control-Allow-Origin: \($0)\(Self.exposure)".utf8) }
        cookies = CookieSet(options)
    }
}

/// The cookies of browser mode.
struct CookieSet: Sendable {
    /// The maximum size of a cookie's name and value; browsers ignore larger ones (RFC 6265bis §5.6).
    static let byteCountMax = 4_096

    /// The access token, for every path: applications behind a gateway are on the same host.
    let access: Cookie
    /// The identifier of the session.
    let session: Cookie
    /// The refresh token, which no path but `/refresh` gets.
    let refresh: Cookie
    /// The token of the device, which outlives its sessions.
    let device: Cookie
    /// Whether browsers keep other hosts of the site from planting the cookies, except that of the refresh token.
    let areOfOneHost: Bool

    init(_ options: Browser.Options) {
        areOfOneHost = options.domain == nil
        let hostPrefix = areOfOneHost ? "__Host-Http-" : "__Secure-"
        let domain = options.domain.map { "; Domain=\($0)" } ?? ""
        let tail = domain + (options.isPartitioned ? "; Partitioned" : "")
        // A browser keeps cookies of one name that differ in these two side by side, and would send both. So the name
        // says both, and after a change of the settings no cookie meets one from before.
        let middle =
            options.cookieName + (options.isPartitioned ? ".partitioned" : "") + (options.domain.map { ".\($0)" } ?? "")
        var variants: [Cookie] = []
        func cookie(_ prefix: String, _ kind: String, path: String, _ sameSite: Browser.SameSite) -> Cookie {
            let name = "\(prefix)\(middle)-\(kind)"
            let attributes = "; Secure; HttpOnly; Path=\(path); SameSite=\(sameSite.attribute)"
            variants += Set(["", domain]).sorted().flatMap { place in
                ["", "; Partitioned"].map { Cookie(name: name, attributes: attributes + place + $0) }
            }
            return Cookie(name: name, attributes: attributes + tail)
        }
        access = cookie(hostPrefix, "access", path: "/", options.sameSite)
        session = cookie(hostPrefix, "session", path: "/", options.sameSite)
        device = cookie(hostPrefix, "device", path: "/", options.sameSite)
        // In a frame of another site, a browser sends no Strict cookie at all.
        refresh = cookie(
            "__Secure-", "refresh", path: "\(options.publicPath)/refresh", options.sameSite == .none ? .none : .strict)
        names = [access.name, session.name, refresh.name, device.name]
        self.variants = variants
    }

    /// In the order of ``BrowserCookies``.
    let names: [[UInt8]]
    /// Each cookie with every place in which a browser can keep one of its name. To clear one leaves the others.
    let variants: [Cookie]
}

/// One cookie: its name, and the attributes that setting and clearing it share.
struct Cookie: Sendable {
    let name: [UInt8]
    private let start: [UInt8]
    private let attributes: [UInt8]

    init(name: String, attributes: String) {
        self.name = Array(name.utf8)
        start = Array("Set-Cookie: \(name)=".utf8)
        self.attributes = Array("\(attributes)\r\n".utf8)
    }

    /// How long a value may be.
    var valueByteCountMax: Int { CookieSet.byteCountMax - name.count }

    /// Adds the cookie to a response.
    ///
    /// - Parameters:
    ///   - value: bytes that ``CookieField/isCookieByte(_:)`` accepts.
    ///   - maxAge: seconds; nil for a cookie that ends with the browser.
    func add(_ value: [UInt8], maxAge: Int64?, to response: inout Response) {
        response.addLine(start, value, number: maxAge.map { ("; Max-Age=", $0) }, attributes)
    }
}
