import Accounts
import HTTP
import Pages
import Platform
import Revocation
import Service

extension Application {
    /// `GET /signin`: the form, with the name of the user if the application asks for the password again.
    func signInPage(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let (browser, cookies) = try pageCookies(request, isReading: true)
        let query = try pageQuery(request, ["return", "max_age", "done"])
        var form = SignInForm(returnTo: query["return"], browser)
        form.page.notice = try pageNotice(query["done"], among: PageNotice.ofSignIn, request)
        form.page.ageMax = try query["max_age"].map { text throws(Problem) in
            guard let seconds = Int64(text), seconds >= 0 else {
                throw Problem(.requestMalformed, "max_age must be a whole number of seconds.")
            }
            return seconds
        }
        complete(&form.page, request, cookies, call)
        form.page.isKept = cookies.mark(request)?.isKept ?? true
        let html =
            browser.signInPages.html(form.page, language: Int(call.language))
            ?? form.page.html(browser.pages, texts(call, browser))
        writePage(html, formLeadsTo: form.returnAddress.origin, call, browser, &response)
    }

    /// `POST /signin`: opens a session in cookies, as `POST /login` does.
    func signIn(
        _ request: borrowing Request, _ response: inout Response, _ exchange: borrowing Exchange, _ call: Call
    ) throws(Problem) -> Disposition {
        let parameters = try pageForm(request, known: .signInForm)
        let (browser, cookies) = try pageCookies(request, isReading: false)
        var form = SignInForm(returnTo: try parameters.text("return"), browser)
        let fixedName = try readForm(parameters, request, cookies, call, &form)
        do throws(RejectedForm) {
            let attempt = try attempt(parameters, form, fixedName, request)
            do throws(Problem) {
                let delivery = TokenDelivery.cookies(isKept: form.page.isKept, mark: nil, .page(form))
                return try beginLogin(attempt, delivery, request, exchange, call)
            } catch {
                throw RejectedForm(error, Self.refusal(for: error))
            }
        } catch {
            answer(error, form, call, &response)
            return .answered
        }
    }

    /// Answers a login by the page that was rejected: the form, with the reason next to its field.
    func answer(_ problem: Problem, _ form: SignInForm, _ call: Call, _ response: inout Response) {
        answer(RejectedForm(problem, Self.refusal(for: problem)), form, call, &response)
    }

    private func answer(_ rejected: RejectedForm, _ form: SignInForm, _ call: Call, _ response: inout Response) {
        var page: RejectedPage?
        if let browser = shared.browser {
            let html = form.rejected(rejected.refusal).html(browser.pages, texts(call, browser))
            page = RejectedPage(html: html, formTarget: form.returnAddress.origin)
        }
        answer(rejected.problem, call, &response, page: page)
    }

    /// - Returns: the name that the form must have, if the password is asked for again.
    private func readForm(
        _ parameters: Parameters, _ request: borrowing Request, _ cookies: BrowserCookies, _ call: Call,
        _ form: inout SignInForm
    ) throws(Problem) -> String? {
        form.page.ageMax = try parameters.natural("max_age")
        complete(&form.page, request, cookies, call)
        let fixedName = form.page.isNameFixed ? form.page.username : nil
        if fixedName == nil { form.page.username = try parameters.text("username") ?? "" }
        form.page.device = try parameters.text("device") ?? ""
        // A browser does not send a box that is not checked.
        form.page.isKept = try parameters.flag("remember") ?? false
        return fixedName
    }

    private func complete(
        _ page: inout SignInPage, _ request: borrowing Request, _ cookies: BrowserCookies, _ call: Call
    ) {
        page.asksForDevice = context.authState.settings.sessionList != nil
        if page.ageMax != nil, let name = cookies.provenSession(request, context).flatMap(username) {
            (page.username, page.isNameFixed) = (name, true)
        } else if case .signedIn(let session) = visitor(request, cookies, call) {
            page.signedInAs = username(of: session)
            // Another tab has signed in since.
            page.notice = nil
        }
    }

    private func attempt(
        _ parameters: Parameters, _ form: SignInForm, _ fixedName: String?, _ request: borrowing Request
    ) throws(RejectedForm) -> LoginAttempt {
        let sent: (username: String, password: [UInt8])
        do throws(Problem) {
            sent = (try parameters.text("username") ?? "", try parameters.bytes("password") ?? [])
        } catch {
            throw RejectedForm(error, Self.refusal(for: error))
        }
        guard Self.isConfidential(request) else {
            throw RejectedForm(
                Problem(.requestMalformed, "The connection is not encrypted."), PageRefusal(nil, .notSecure))
        }
        if fixedName == nil {
            guard !sent.username.isEmpty else { throw RejectedForm(.username, .usernameMissing) }
            guard sent.username.utf8.count <= 128 else { throw RejectedForm(.username, .usernameTooLong) }
        } else if sent.username != fixedName {
            // Another user has signed in since the page was loaded, and this password belongs to the earlier one.
            throw RejectedForm(.password, .otherSession)
        }
        guard !sent.password.isEmpty else { throw RejectedForm(.password, .passwordMissing) }
        guard LoginAttempt.passwordByteCounts.contains(sent.password.count) else {
            throw RejectedForm(.password, .passwordTooLong)
        }
        let device = form.page.device.isEmpty ? nil : DeviceLabel(utf8: Array(form.page.device.utf8))
        guard device != nil || form.page.device.isEmpty else { throw RejectedForm(.device, .deviceUnfit) }
        return LoginAttempt(
            username: sent.username, password: Secret(sent.password), scope: nil, audience: nil, client: nil,
            source: .address(request.peer.sourceNumber), device: device, address: SessionEntry.Address(request.peer))
    }

    private static func refusal(for problem: Problem) -> PageRefusal {
        switch problem.code {
        case .invalidCredentials: PageRefusal(.password, .credentialsInvalid)
        case .tooManyAttempts: PageRefusal(.password, [problem.pageMessage])
        default: PageRefusal(nil, [problem.pageMessage])
        }
    }
}
