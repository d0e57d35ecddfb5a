import HTTP
import Pages
import Platform
import Service
import Telemetry
import Tokens

extension Application {
    /// How old an access token may be, in seconds, for a visit to be no surprise: another tab has just refreshed.
    private static let freshTokenAge: Int64 = 60
    /// A refresh token that was issued fewer seconds ago is presented by a browser that has just been here.
    private static let freshRefreshAge: Int64 = 10

    /// `GET /refresh`: a navigation gets new cookies and goes on to its page. It needs no script.
    ///
    /// No answer leads a browser around in a circle: the page that leads here leads here once, and a browser that comes
    /// again at once must show that it keeps cookies.
    func visitRefresh(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        guard let browser = shared.browser else { throw Problem(.methodNotAllowed) }
        guard request.method == .get, Navigation.isOne(request) else {
            throw Problem(.csrfFailed, "GET is for navigations of a browser. Scripts and other clients use POST.")
        }
        try CrossSite.check(request, .own(isReading: true), browser)
        var call = call
        call.isNavigation = true
        call.language = language(request, browser)
        do throws(Problem) {
            return try visitRefresh(request, browser, &response, exchange, call)
        } catch {
            answer(error, call, &response)
            return .answered
        }
    }

    private func visitRefresh(
        _ request: borrowing Request, _ browser: Browser, _ response: inout Response, _ exchange: borrowing Exchange,
        _ call: Call
    ) throws(Problem) -> Disposition {
        guard request.fieldCount("authorization") == 0 else {
            throw Problem(.requestMalformed, "GET reads cookies only. Send no Authorization field.")
        }
        let visit = try RefreshVisit(request, browser)
        let cookies = BrowserCookies(request, browser)
        try cookies.refuseUnclear()
        if case .one(let place) = cookies.access, let token = validAccess(place, request, call) {
            if isExpected(visit, token, request.bytes[place], call) {
                leave(for: visit.address.text, &response)
            } else {
                write(.needless, next: visit.address.text, call, browser, &response)
            }
            return .answered
        }
        guard visit.step != .check else {
            let next = browser.signInPath(visit.address)
            write(.cookiesNotKept, next: next, status: 409, call, browser, &response)
            return .answered
        }
        // A refresh cookie that another host has planted comes along, while ours is Strict.
        if visit.step == nil, Navigation.mayLackStrictCookies(request),
            !cookies.includeRefreshToken(request, browser, context)
        {
            write(.renewal, next: browser.refreshPath(visit.address, .bounced), call, browser, &response)
            return .answered
        }
        guard let range = try cookies.refreshToken(request, browser, context), let mark = cookies.mark(request) else {
            leave(for: browser.signInPath(visit.address), &response)
            return .answered
        }
        let presented = PresentedRefresh(token: Array(request.bytes[range]), mark: mark, .visit(visit), browser)
        do throws(Problem) {
            return try rotate(presented, scope: nil, audience: nil, client: nil, exchange, call)
        } catch {
            answerRefresh(error, presented, call, &response)
            return .answered
        }
    }

    /// Answers a failed refresh. A navigation whose session has ended goes on to the sign-in. If a new sign-in has replaced
    /// the session, the browser has newer cookies by now.
    func answerRefresh(_ problem: Problem, _ presented: PresentedRefresh, _ call: Call, _ response: inout Response) {
        answer(problem, call, &response)
        guard problem.status == 401, let browser = shared.browser,
            case .cookies(_, _, .visit(let visit)) = presented.delivery
        else { return }
        response.reset()
        let isReplaced = problem.code == .sessionReplaced
        leave(
            for: isReplaced ? browser.refreshPath(visit.address, .check) : browser.signInPath(visit.address), &response)
        if problem.clearsCookies { clearCookies(&response) }
    }

    /// Sends a browser on that has received its new cookies.
    func leave(_ visit: RefreshVisit, isFirst: Bool, _ response: inout Response) {
        guard !isFirst, let browser = shared.browser else { return leave(for: visit.address.text, &response) }
        leave(for: browser.refreshPath(visit.address, .check), &response)
    }

    /// Whether a refresh is the first that this browser asks for in a while. If not, it may have lost the cookies of the
    /// one before.
    func isFirstVisit(_ pending: PendingRefresh, isReplay: Bool, _ call: Call) -> Bool {
        !isReplay && call.now.seconds.seconds(since: pending.attempt.claims.issuedAt) >= Self.freshRefreshAge
    }

    private func validAccess(_ place: Range<Int>, _ request: borrowing Request, _ call: Call) -> VerifiedToken? {
        try? verifyToken.verify(request.bytes(place), VerifyExpectations(), at: call.now)
    }

    /// Whether a session that needs no refresh may be here. Usually another tab has just refreshed it. Otherwise a gateway
    /// has probably asked about a request without its cookies, and would again.
    private func isExpected(
        _ visit: RefreshVisit, _ token: VerifiedToken, _ bytes: ArraySlice<UInt8>, _ call: Call
    ) -> Bool {
        // A browser that was led here once more is on its way from another site, or has just received the cookies. It has
        // shown that it sends them.
        guard visit.step == nil else { return true }
        let age = call.now.seconds.seconds(since: token.issuedAt)
        if age <= Self.freshTokenAge, shared.freshVisits.admit(bytes, to: visit.address) { return true }
        if let count = shared.gatewayNotices.admit(at: shared.monotonic() / 1_000_000) {
            shared.log.write(.warning, "refresh_needless") { line in
                call.add(to: &line)
                line.add("count", count)
                line.add("remedy", "if a gateway sent the browser here, let it pass the Cookie field on to /auth")
            }
        }
        return false
    }

    private func leave(for location: String, _ response: inout Response) {
        response.status = 303
        response.addField("Location", location.utf8)
        response.addLines("Cache-Control: no-store\r\n")
    }

    private func write(
        _ reason: RefreshPage.Reason, next: String, status: UInt16 = 200, _ call: Call, _ browser: Browser,
        _ response: inout Response
    ) {
        let page = RefreshPage(reason, next: PagePath(checked: next))
        writePage(page.html(browser.pages, texts(call, browser)), status: status, call, browser, &response)
    }
}
