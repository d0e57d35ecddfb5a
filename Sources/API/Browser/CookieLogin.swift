import Accounts
import Encoding
import HTTP
import Service

extension MemberNames {
    /// What a login may send in browser mode.
    static let browserLogin = MemberNames(loginNames + ["remember"])
}

extension Application {
    /// How a login returns its session. Browsers get cookies unless they ask for something else.
    ///
    /// - Throws: `csrf_failed`, `origin_not_allowed` or `cookie_ambiguous` for a request that must not set cookies.
    func loginDelivery(
        _ request: borrowing Request, _ parameters: Parameters, _ client: Client?
    ) throws(Problem) -> TokenDelivery {
        let mode = try parameters.text("mode")
        guard let browser = shared.browser else {
            guard mode ?? "body" == "body" else { throw Problem(.requestMalformed, "The only supported mode is body.") }
            return .content
        }
        guard mode == nil || mode == "body" || mode == "cookie" || mode == "access" else {
            throw Problem(.requestMalformed, "mode must be body, cookie or access.")
        }
        let isFromBrowser = CrossSite.isFromBrowser(request)
        let isKept = try parameters.flag("remember")
        guard mode == "cookie" || mode == "access" || (mode == nil && isFromBrowser && client == nil) else {
            guard isKept == nil else {
                throw Problem(.requestMalformed, "The member remember needs the mode cookie or access.")
            }
            // A page of another site must not try passwords from the addresses of its visitors.
            if isFromBrowser { try CrossSite.check(request, .own(isReading: false), browser) }
            return .content
        }
        try CrossSite.check(request, .own(isReading: false), browser)
        guard client == nil else {
            throw Problem(
                .requestMalformed,
                "The modes cookie and access are for browsers, which do not authenticate as a client.")
        }
        try BrowserCookies(request, browser).refuseUnclear()
        guard Self.isConfidential(request) else {
            throw Problem(
                .requestMalformed,
                "Browsers keep these cookies for https only. Use https, or serve --dev-tls for a test; behind a proxy, name it in MARTLET_TRUSTED_PROXIES and let it send X-Forwarded-Proto."
            )
        }
        let content: CookieContent =
            mode == "access" ? .sessionAndToken(audience: try contentAudience(parameters, browser)) : .session
        return .cookies(isKept: isKept ?? true, mark: nil, content)
    }

    /// The device token that a browser keeps, for a login or a change of the password by cookie.
    func deviceCookie(_ request: borrowing Request) -> [UInt8]? {
        guard let browser = shared.browser, case .one(let range) = BrowserCookies(request, browser).device else {
            return nil
        }
        return Array(request.bytes[range])
    }

    /// Completes a login by cookie: the browser keeps the token of its device, and its cookies are for the gateway.
    func applyCookies(_ request: borrowing Request, _ delivery: TokenDelivery, to attempt: inout LoginAttempt) {
        guard case .cookies(_, _, let content) = delivery else { return }
        if attempt.deviceToken == nil { attempt.deviceToken = deviceCookie(request) }
        if case .sessionAndToken = content { attempt.audience = nil }
    }

    /// The session that a login by cookie replaces: the one that the cookies of the browser prove.
    func replacedSession(_ request: borrowing Request, _ delivery: TokenDelivery) -> UUID? {
        guard case .cookies = delivery, let browser = shared.browser else { return nil }
        return BrowserCookies(request, browser).provenSession(request, context)?.sid
    }

    /// Whether the answer travels by TLS to the browser, or does not leave the machine.
    static func isConfidential(_ request: borrowing Request) -> Bool {
        if request.channel.security != .none || request.peer.isLoopback { return true }
        if request.isRelayed, request.fieldCount("x-forwarded-proto") > 0 {
            return request.field("x-forwarded-proto").map { request.isEqual($0, "https") } ?? false
        }
        // A page with this origin cannot send a request without TLS.
        return request.field("origin").map { request.bytes[$0].starts(with: "https://".utf8) } ?? false
    }
}

extension Parameters {
    /// A JSON boolean, or `true` or `false` in a form.
    func flag(_ name: StaticString) throws(Problem) -> Bool? {
        switch given(name) {
        case nil, .nothing: return nil
        case .yes: return true
        case .other(let json) where json.elementsEqual("false".utf8): return false
        case .text(let text) where isForm && text.elementsEqual("true".utf8): return true
        case .text(let text) where isForm && text.elementsEqual("false".utf8): return false
        default: throw Problem(.requestMalformed, "The member \(name) must be true or false.")
        }
    }
}
