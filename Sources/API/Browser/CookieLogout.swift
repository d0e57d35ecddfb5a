import HTTP
import Service

extension Application {
    /// The session that a logout by cookie ends.
    ///
    /// - Returns: nil if the request does not authenticate with cookies.
    func logoutSession(
        ofCookies request: borrowing Request, _ reach: LogoutReach, _ call: Call
    ) throws(Problem) -> LogoutSession? {
        guard let browser = shared.browser, request.fieldCount("authorization") == 0 else { return nil }
        let cookies = BrowserCookies(request, browser)
        guard !cookies.isEmpty || CrossSite.isFromBrowser(request) else { return nil }
        try CrossSite.check(request, .own(isReading: false), browser)
        guard cookies.access != .unread else { throw Problem(.tokenMalformed, BrowserCookies.unreadDetail) }
        try cookies.refuseUnclear()
        var problem: Problem
        switch cookies.access {
        case .one(let range):
            do throws(LogoutFailure) {
                return try EndSessions(context).session(ofAccess: request.bytes(range), at: call.now)
            } catch {
                problem = Problem(error)
            }
        case .absent: problem = Problem(.tokenMissing)
        case .malformed, .repeated, .unread: problem = Problem(.tokenMalformed)
        }
        // Less is enough to end this session. To end others takes a valid token, which the page gets by a refresh.
        guard reach == .local else { throw problem }
        if let session = cookies.provenSession(request, context) { return session }
        problem.clearsCookies = !cookies.isEmpty
        throw problem
    }
}
