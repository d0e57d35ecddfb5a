import API
import Service

extension BrowserSettings {
    /// Finds settings that are right by themselves, but with which no browser could sign in or stay signed in.
    static func checkTogether(_ reader: inout SettingsReader, _ options: Browser.Options, _ auth: AuthSettings) {
        if TokenSettings.isIssuer(auth.issuer), !isOrigin(sentOrigin(of: auth.issuer)) {
            reader.complain(
                .issuer,
                "an address whose origin a browser can send, as MARTLET_BROWSER=on needs: use letters, digits, - and . for the host, and no user name; a port is a number from 1 to 65535"
            )
        }
        if let domain = options.domain, isDomain(domain),
            !options.origins.contains(where: { isHost(of: $0, within: domain) })
        {
            reader.complain(
                .cookieDomain,
                "the host of MARTLET_ISSUER or of an origin in MARTLET_ORIGINS, or a domain that contains one of them: browsers would drop every cookie"
            )
        }
        if options.allowsTokens, auth.audiences.count < 2 {
            reader.complain(
                .browserTokens,
                "possible with one audience: the first of MARTLET_AUDIENCE is that of the cookies, and pages get tokens for the others only. Add an audience, or set MARTLET_BROWSER_TOKENS=off"
            )
        }
    }

    /// The origin of a URL as browsers send it: in lower case, without the port that the scheme implies (RFC 6454 §6.2).
    static func sentOrigin(of url: String) -> String {
        let origin = origin(of: url).lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where origin.hasPrefix(scheme) && origin.hasSuffix(port) {
            return String(origin.dropLast(port.count))
        }
        return origin
    }

    /// Whether browsers let a page of an origin set a cookie for a domain (RFC 6265 §5.1.3).
    private static func isHost(of origin: String, within domain: String) -> Bool {
        guard let scheme = origin.firstRange(of: "://") else { return false }
        let host = origin[scheme.upperBound...].prefix { $0 != ":" }
        return host == domain || host.hasSuffix(".\(domain)")
    }
}
