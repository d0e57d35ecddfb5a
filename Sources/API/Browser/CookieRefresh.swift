import HTTP
import Service

/// A refresh token as a request presents it.
struct PresentedRefresh {
    let token: [UInt8]
    /// Nil for a token in the content.
    let cookies: CookieRequirement?
    let delivery: TokenDelivery

    /// A token in the content.
    init(token: [UInt8]) {
        self.token = token
        cookies = nil
        delivery = .content
    }

    /// A token in a cookie.
    ///
    /// - Parameters:
    ///   - mark: what the session cookie says.
    ///   - content: what accompanies the new cookies.
    init(token: [UInt8], mark: SessionMark, _ content: CookieContent, _ browser: Browser) {
        self.token = token
        cookies = CookieRequirement(
            sid: mark.sid, accessByteCountMax: browser.cookies.access.valueByteCountMax,
            refreshByteCountMax: browser.cookies.refresh.valueByteCountMax)
        delivery = .cookies(isKept: mark.isKept, mark: mark, content)
    }

    /// Whether the audience of the request is that of the token in the content.
    var hasContentToken: Bool {
        if case .cookies(_, _, .sessionAndToken) = delivery { true } else { false }
    }

    /// The problem of a failed refresh: cookies that are worth nothing are cleared. Cookies stay when the service is at
    /// fault or the request asked for too much, because their session lives.
    ///
    /// They also stay if a new sign-in of the browser ended the session. The request was sent before the browser got the new
    /// cookies, and the answer may arrive after them: clearing would sign the user out.
    func problem(_ problem: Problem) -> Problem {
        guard case .cookies = delivery, problem.status == 401, problem.code != .sessionReplaced else { return problem }
        var copy = problem
        copy.clearsCookies = true
        return copy
    }
}

extension Application {
    /// The refresh token of the content, or else that of the cookies.
    ///
    /// The refresh cookie alone is not enough, because another host of the same site can plant one: its session must be
    /// that of the session cookie.
    func presentedRefresh(_ request: borrowing Request, _ parameters: Parameters) throws(Problem) -> PresentedRefresh {
        let mode = try parameters.text("mode")
        guard mode == nil || mode == "cookie" || mode == "access" else {
            throw Problem(.requestMalformed, "mode must be cookie or access.")
        }
        if let token = try RequestTokens.refresh(parameters), !token.isEmpty {
            guard mode == nil else { throw Problem(.requestMalformed, "A request with refresh_token has no mode.") }
            return PresentedRefresh(token: token)
        }
        // An Authorization field decides alone.
        if let browser = shared.browser, request.fieldCount("authorization") == 0 {
            let cookies = BrowserCookies(request, browser)
            if !cookies.isEmpty || CrossSite.isFromBrowser(request) {
                let presented = try presentedRefresh(request, cookies, browser)
                guard mode == "access", let mark = cookies.mark(request) else { return presented }
                let content = CookieContent.sessionAndToken(audience: try contentAudience(parameters, browser))
                return PresentedRefresh(token: presented.token, mark: mark, content, browser)
            }
        }
        return PresentedRefresh(token: try RequestTokens.requiredRefresh(parameters))
    }

    private func presentedRefresh(
        _ request: borrowing Request, _ cookies: BrowserCookies, _ browser: Browser
    ) throws(Problem) -> PresentedRefresh {
        try CrossSite.check(request, .own(isReading: false), browser)
        try cookies.refuseUnclear()
        guard let range = try cookies.refreshToken(request, browser, context), let mark = cookies.mark(request) else {
            var problem = Problem(.refreshInvalid, "The cookies of session and refresh token are both needed.")
            problem.clearsCookies = !cookies.isEmpty
            throw problem
        }
        return PresentedRefresh(token: Array(request.bytes[range]), mark: mark, .session, browser)
    }
}
