import Encoding
import HTTP
import Pages
import Service

/// A message that a page shows after an action; the raw value is in the query of its address. It is one of a list, so
/// that a link cannot make a page say anything else, and each page has its own.
enum PageNotice: String, CaseIterable {
    case signedOut = "signed_out"
    case sessionEnded = "session_ended"
    case othersEnded = "others_ended"
    case sessionUnknown = "session_unknown"
    case passwordChanged = "password_changed"
    case again

    var text: PageText {
        switch self {
        case .signedOut: .signedOut
        case .sessionEnded: .sessionEnded
        case .othersEnded: .othersEnded
        case .sessionUnknown: .sessionUnknown
        case .passwordChanged: .passwordChanged
        case .again: .repeatAction
        }
    }

    static let parameter: StaticString = "done"

    static let ofSignIn: [PageNotice] = [.signedOut]
    static let ofAccount: [PageNotice] = [.sessionEnded, .othersEnded, .sessionUnknown, .passwordChanged, .again]
}

/// Who uses a page.
enum PageVisitor {
    case signedIn(LogoutSession)
    /// The access token has expired or is gone, and the session may be alive: `/refresh` decides.
    case unclear
    case unknown
}

extension MemberNames {
    static let signInForm = MemberNames(["username", "password", "return", "max_age", "remember", "device"])
    static let signOutForm = MemberNames([])
    static let accountForm = MemberNames(
        ["action", "session", "username", "current_password", "new_password", "new_password_again"])
}

extension Application {
    /// What every page needs before it uses the cookies of a request.
    ///
    /// - Throws: `csrf_failed`, `origin_not_allowed` or `cookie_ambiguous`.
    func pageCookies(
        _ request: borrowing Request, isReading: Bool
    ) throws(Problem) -> (browser: Browser, cookies: BrowserCookies) {
        // The pipeline has checked that browser mode is on.
        guard let browser = shared.browser else { throw Self.missing(request) }
        try CrossSite.check(request, .own(isReading: isReading), browser)
        let cookies = BrowserCookies(request, browser)
        try cookies.refuseUnclear()
        return (browser, cookies)
    }

    /// The members of a form that one of our pages has sent.
    func pageForm(_ request: borrowing Request, known: MemberNames) throws(Problem) -> Parameters {
        guard request.body.count <= Self.formByteCountMax else { throw Problem(.bodyTooLarge) }
        try Query.refuseAny(request)
        return try Parameters(request, .form, known: known, &json)
    }

    /// The parameters of a page's address.
    ///
    /// - Throws: `request_malformed` for a name that is not in `names` or was sent twice.
    func pageQuery(_ request: borrowing Request, _ names: [String]) throws(Problem) -> [String: String] {
        var query = try Query(request)
        var values: [String: String] = [:]
        for name in names {
            let found = query.take(name)
            guard found.count <= 1 else { throw Problem(.requestMalformed, "The parameter \(name) was sent twice.") }
            values[name] = found.first
        }
        guard let other = query.pairs.first else { return values }
        throw Problem(.requestMalformed, "Unknown parameter: \(MemberNames.quoted(other.name.utf8)).")
    }

    /// What a page reports, if one of our pages has just led to it. A link of another site, or an address from the history,
    /// must not report what did not happen.
    ///
    /// - Throws: `request_malformed` for a value that is not one of the page's.
    func pageNotice(
        _ value: String?, among notices: [PageNotice], _ request: borrowing Request
    ) throws(Problem) -> PageMessage? {
        guard let value else { return nil }
        guard let notice = PageNotice(rawValue: value), notices.contains(notice) else {
            throw Problem(.requestMalformed, "The parameter \(PageNotice.parameter) has an unknown value.")
        }
        return Navigation.isFromOtherPlace(request) ? nil : PageMessage(notice.text)
    }

    func visitor(_ request: borrowing Request, _ cookies: BrowserCookies, _ call: Call) -> PageVisitor {
        let otherwise: PageVisitor = cookies.mark(request) == nil ? .unknown : .unclear
        guard case .one(let range) = cookies.access else { return otherwise }
        do throws(LogoutFailure) {
            return .signedIn(try EndSessions(context).session(ofAccess: request.bytes(range), at: call.now))
        } catch {
            // /refresh would accept a valid token without a session, and send the browser back here for ever.
            guard case .access = error else { return .unknown }
            return otherwise
        }
    }

    /// The name of a user; nil for a user of another system, and for a session whose user is not known.
    func username(of session: LogoutSession) -> String? {
        UUID(session.subject).flatMap { context.accounts.name(of: $0) }
    }
}
