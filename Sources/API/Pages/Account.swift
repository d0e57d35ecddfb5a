import Accounts
import Encoding
import HTTP
import Pages
import Revocation
import Service

/// What the forms of the account page do.
enum AccountAction: String, CaseIterable, Sendable {
    /// Ends one session.
    case end
    /// Ends the other sessions.
    case others
    /// Ends all sessions.
    case all
    /// Changes the password.
    case password
}

extension Application {
    /// `GET /account`: who is signed in, the sessions of the user, and the form for another password.
    func accountPage(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let (browser, cookies) = try pageCookies(request, isReading: true)
        let notice = try pageNotice(try pageQuery(request, ["done"])["done"], among: PageNotice.ofAccount, request)
        var visitor = visitor(request, cookies, call)
        // A link of another site brings no cookies that are Strict; /refresh finds out whether there are any.
        if case .unknown = visitor, cookies.isEmpty, Navigation.mayLackStrictCookies(request) { visitor = .unclear }
        guard case .signedIn(let session) = visitor else {
            return redirect(entry(for: visitor, nil, browser), &response)
        }
        var page = accountPage(of: session, call)
        page.notice = notice
        writePage(page.html(browser.pages, texts(call, browser)), call, browser, &response)
    }

    /// `POST /account`: ends sessions or changes the password, as `/sessions`, `/logout` and `/password` do.
    func changeAccount(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try pageForm(request, known: .accountForm)
        let (browser, cookies) = try pageCookies(request, isReading: false)
        guard let action = AccountAction(rawValue: try parameters.text("action") ?? "") else {
            throw Problem(.requestMalformed, "action must be end, others, all or password.")
        }
        let visitor = visitor(request, cookies, call)
        guard case .signedIn(let session) = visitor else {
            redirect(entry(for: visitor, .again, browser), &response)
            return .answered
        }
        switch action {
        case .end:
            let named = try parameters.required("session")
            guard let sid = UUID(named.span) else {
                throw Problem(.requestMalformed, "session must be a session_id.")
            }
            return try end(sid, session, &response, exchange, call, browser)
        case .others:
            let next = account(.othersEnded, browser)
            try end(session, .others, status: 303, exchange, call) { $0.addLocation(next.text, &$1) }
        case .all:
            let next = browser.pages.path("/signin", query: [(PageNotice.parameter, PageNotice.signedOut.rawValue)])
            try end(session, .global, status: 303, exchange, call) { application, response in
                application.clearCookies(of: session, &response)
                application.addLocation(next.text, &response)
            }
        case .password:
            return try changePassword(parameters, request, cookies, session, &response, exchange, call)
        }
        return .deferred
    }

    /// The page after an action.
    func account(_ notice: PageNotice, _ browser: Browser) -> PagePath {
        browser.pages.path("/account", query: [(PageNotice.parameter, notice.rawValue)])
    }

    /// Where a browser without a valid access token goes, so that it comes back to the account.
    func entry(for visitor: PageVisitor, _ notice: PageNotice?, _ browser: Browser) -> PagePath {
        let back = notice.map { account($0, browser) } ?? browser.pages.path("/account")
        if case .unclear = visitor { return browser.pages.path("/refresh", query: [("return", back.text)]) }
        return browser.pages.path("/signin", query: [("return", browser.pages.path("/account").text)])
    }

    func accountPage(of session: LogoutSession, _ call: Call) -> AccountPage {
        let name = username(of: session)
        var page = AccountPage(username: name ?? session.subject)
        page.current = AccountPage.Session(id: session.sid.description, beganAt: session.sid.milliseconds)
        if name != nil { page.passwordCharacterCountMin = context.authState.passwordRules.characterCountMin }
        let list = ListSessions(context)
        guard (try? list.checkEnabled()) != nil else { return page }
        var others: [AccountPage.Session] = []
        for listed in list.list(for: session, at: call.now) {
            let shown = AccountPage.Session(
                id: listed.entry.sid.description, device: listed.entry.device,
                address: listed.entry.address.map { PeerAddress($0).description },
                beganAt: listed.entry.sid.milliseconds, usedAt: listed.lastUsedAt)
            if listed.entry.sid == session.sid { page.current = shown } else { others.append(shown) }
        }
        page.others = others
        return page
    }

    private func end(
        _ sid: UUID, _ session: LogoutSession, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call,
        _ browser: Browser
    ) throws(Problem) -> Disposition {
        let (ended, unknown) = (account(.sessionEnded, browser), account(.sessionUnknown, browser))
        do throws(SessionListFailure) {
            try ListSessions(context).checkEnabled()
        } catch {
            throw Problem(error)
        }
        do throws(Problem) {
            try endListed(sid, of: session, status: 303, exchange, call) { $0.addLocation(ended.text, &$1) }
            return .deferred
        } catch {
            guard error.code == .notFound else { throw error }
            redirect(unknown, &response)
            return .answered
        }
    }
}
