import Foundation
import HTTP
import Pages
import Testing

@testable import API

/// A browser without script.
extension World {
    /// A form as a page of the service sends it.
    static func form(_ path: String, _ pairs: KeyValuePairs<String, String>, _ jar: Jar? = nil) -> Ask {
        var ask = Ask("POST", path).form(pairs).sameOrigin.from(near)
        if let jar { ask = ask.cookies(jar.atRoot) }
        return ask
    }

    static func page(_ path: String, _ jar: Jar? = nil, site: String = "none") -> Ask {
        var ask = Ask("GET", path).with("Sec-Fetch-Site", site).with("Sec-Fetch-Mode", "navigate").from(near)
        if let jar { ask = ask.cookies(jar.atRoot) }
        return ask
    }

    func signIn(_ pairs: KeyValuePairs<String, String>, _ jar: Jar? = nil) -> Answer {
        send(World.form("/signin", pairs, jar))
    }
}

extension Answer {
    /// Whether this is a page that says nothing to any script, cache or frame.
    var isPage: Bool {
        self["content-type"] == "text/html; charset=utf-8" && self["cache-control"] == "no-store"
            && self["content-security-policy"]?.hasPrefix("default-src 'none'; style-src 'self'; script-src 'self'; ")
                == true
            && self["referrer-policy"] == "same-origin" && self["cross-origin-opener-policy"] == "same-origin"
            && self["vary"] == "Accept-Language" && text.hasPrefix("<!doctype html>\n<html lang=")
            && text.hasSuffix("</html>")
    }

    /// Whether a problem has this code. The problem of a page is a page, and has none.
    func says(_ code: String, _ endpoint: Route) -> Bool {
        endpoint.endpoint.access == .page ? isPage && alert != nil : self.code == code
    }

    /// The text of the first alert.
    var alert: String? {
        text.firstMatch(of: /role="alert"[^>]*>(?:<p class="error">)?([^<]*)</).map { String($0.output.1) }
    }

    var isSeeOther: Bool { status == 303 && body.isEmpty && self["cache-control"] == "no-store" }
}

/// No line of the log has a password or a token.
func expectNoSecret(_ line: String) {
    #expect(!line.contains(World.password) && line.firstRange(of: /eyJ[\w-]+\.[\w-]+/) == nil)
}
