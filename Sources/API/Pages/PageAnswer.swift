import HTTP
import Pages

extension Application {
    /// Everything is forbidden that a page without script does not need. `script-src` and `connect-src` are for the
    /// script of a house that serves one from the same origin.
    private static let contentSecurityPolicy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

    private static let policyField = Array("Content-Security-Policy: \(contentSecurityPolicy)\r\n".utf8)

    private static let pageFields: StaticString =
        "Content-Type: text/html; charset=utf-8\r\nVary: Accept-Language\r\nCache-Control: no-store\r\n"

    /// The texts of the reader's language.
    func texts(_ call: Call, _ browser: Browser) -> PageTexts { browser.pages.languages[Int(call.language)] }

    /// Writes a page.
    ///
    /// - Parameter target: the origin to which the answer to the page's form redirects, if it is another one: browsers
    ///   apply `form-action` to redirects as well.
    func writePage(
        _ html: [UInt8], status: UInt16 = 200, formLeadsTo target: String? = nil, _ call: Call, _ browser: Browser,
        _ response: inout Response
    ) {
        response.status = status
        response.addLines(Self.pageFields)
        response.addField("Content-Language", texts(call, browser).tag.utf8)
        Self.addNavigationFields(&response)
        if let target {
            response.addField("Content-Security-Policy", "\(Self.contentSecurityPolicy) \(target)".utf8)
        } else {
            response.addLines(Self.policyField)
        }
        response.body.append(contentsOf: html)
    }

    /// Answers with the address that the browser loads next (RFC 9110 §15.4.4).
    func redirect(_ location: String, _ response: inout Response) {
        response.status = 303
        response.addLines("Cache-Control: no-store\r\n")
        addLocation(location, &response)
    }

    func redirect(_ path: PagePath, _ response: inout Response) { redirect(path.text, &response) }

    /// Adds what a redirection has in addition to its status and Cache-Control.
    func addLocation(_ location: String, _ response: inout Response) {
        response.addField("Location", location.utf8)
        Self.addNavigationFields(&response)
    }

    private static func addNavigationFields(_ response: inout Response) {
        response.addLines(
            "Referrer-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n"
        )
    }

    /// Answers a rejected request with a page.
    func writeProblem(
        _ problem: Problem, _ page: RejectedPage?, _ call: Call, _ browser: Browser, _ response: inout Response
    ) {
        let closes = response.closesConnection
        response.reset()
        response.closesConnection = closes
        problem.writeFields(to: &response)
        let html = page?.html ?? ProblemPage(problem.pageMessage).html(browser.pages, texts(call, browser))
        writePage(html, status: problem.status, formLeadsTo: page?.formTarget, call, browser, &response)
    }

    /// The index of the reader's language, if the endpoint is a page.
    func language(_ request: borrowing Request, _ endpoint: Endpoint?) -> UInt8 {
        guard endpoint?.access == .page, let browser = shared.browser else { return 0 }
        return language(request, browser)
    }

    /// The index of the reader's language.
    func language(_ request: borrowing Request, _ browser: Browser) -> UInt8 {
        guard let field = request.field("accept-language") else { return 0 }
        return UInt8(clamping: browser.pages.languages.index(for: request.bytes(field)))
    }

    /// A form that is too long is still read to its end, so that the answer is a page.
    static let pageContentByteCountMax = 2 * formByteCountMax
    static let formByteCountMax = 65_536
}

extension Problem {
    /// What a reader of a page can do about the problem.
    var pageMessage: PageMessage {
        switch code {
        case .csrfFailed, .originNotAllowed: PageMessage(.formForeign)
        case .cookieAmbiguous: PageMessage(.cookieTwice)
        case .requestMalformed where hasTooManyCookies: PageMessage(.cookiesTooMany)
        case .bodyTooLarge: PageMessage(.formTooLarge)
        case .notFound, .notEnabled, .methodNotAllowed, .methodUnknown: PageMessage(.pageMissing)
        case .tooManyAttempts: PageMessage(.tooManyAttempts, retryAfter ?? 1)
        case .hashingSaturated: PageMessage(.busy, retryAfter ?? 1)
        default: PageMessage(status == 503 ? .unavailable : status >= 500 ? .fault : .formInvalid)
        }
    }
}
