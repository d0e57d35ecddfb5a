import HTTP

extension Application {
    /// Where the access token is in the cookies of a request without an Authorization field.
    ///
    /// - Parameter isReading: see ``CrossSite/Use``.
    /// - Throws: `token_missing` if there is none; what ``CrossSite`` throws for a request of another site.
    func accessCookie(_ request: borrowing Request, isReading: Bool) throws(Problem) -> Range<Int> {
        guard let browser = shared.browser else { throw Problem(.tokenMissing) }
        let cookies = BrowserCookies(request, browser)
        guard !cookies.isEmpty || CrossSite.isFromBrowser(request) else { throw Problem(.tokenMissing) }
        try CrossSite.check(request, .own(isReading: isReading), browser)
        guard cookies.access != .unread else { throw Problem(.tokenMalformed, BrowserCookies.unreadDetail) }
        try cookies.refuseUnclear()
        switch cookies.access {
        case .one(let range): return range
        case .absent: throw Problem(.tokenMissing)
        case .malformed, .repeated, .unread: throw Problem(.tokenMalformed)
        }
    }
}
