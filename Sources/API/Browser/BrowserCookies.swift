import HTTP
import Service

/// The cookies that a request carries.
struct BrowserCookies {
    let access: CookieField.Value
    let session: CookieField.Value
    let refresh: CookieField.Value
    let device: CookieField.Value

    init(_ request: borrowing Request, _ browser: Browser) {
        let values = CookieField.values(of: browser.cookies.names, in: request)
        (access, session, refresh, device) = (values[0], values[1], values[2], values[3])
    }

    /// Whether the request has no cookie of a session. That of the device proves nothing.
    var isEmpty: Bool { access == .absent && session == .absent && refresh == .absent }

    /// - Throws: `cookie_ambiguous`, which clears all cookies, if a name was sent more than once.
    func refuseRepeated() throws(Problem) {
        guard access != .repeated, session != .repeated, refresh != .repeated, device != .repeated else {
            var problem = Problem(.cookieAmbiguous, "A cookie of this service was sent more than once.")
            problem.clearsCookies = true
            throw problem
        }
    }

    /// The session that the cookies prove: by an access token that may have expired, or by the session cookie.
    func provenSession(_ request: borrowing Request, _ context: LoopContext) -> LogoutSession? {
        if case .one(let range) = access,
            let session = EndBrowserSession(context).session(ofAccess: request.bytes(range))
        {
            return session
        }
        return mark(request).flatMap { EndBrowserSession(context).session(of: $0) }
    }

    /// What the session cookie says, which is not checked yet.
    func mark(_ request: borrowing Request) -> SessionMark? {
        guard case .one(let range) = session else { return nil }
        return SessionMark(request.bytes(range))
    }
}
