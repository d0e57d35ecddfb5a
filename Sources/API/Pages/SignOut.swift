import HTTP
import Pages
import Service

extension Application {
    /// `GET /signout`: asks first, because links and images of other sites can cause a GET.
    func signOutPage(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let (browser, cookies) = try pageCookies(request, isReading: true)
        _ = try pageQuery(request, [])
        let session = cookies.provenSession(request, context)
        var page = SignOutPage()
        page.username = session.flatMap(username)
        page.isSignedIn = session != nil
        writePage(page.html(browser.pages, texts(call, browser)), call, browser, &response)
    }

    /// `POST /signout`: ends the session of the browser, as `POST /logout` does.
    func signOut(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        _ = try pageForm(request, known: .signOutForm)
        let (browser, cookies) = try pageCookies(request, isReading: false)
        let signIn = browser.pages.path(
            "/signin", query: [(PageNotice.parameter, PageNotice.signedOut.rawValue)])
        guard let session = cookies.provenSession(request, context) else {
            clearCookies(&response)
            redirect(signIn, &response)
            return .answered
        }
        try end(session, .local, status: 303, exchange, call) { application, response in
            application.clearCookies(of: session, &response)
            application.addLocation(signIn.text, &response)
        }
        return .deferred
    }
}
