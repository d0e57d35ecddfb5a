import Encoding
import HTTP
import Service

/// The cookies that a request carries.
struct BrowserCookies {
    let access: CookieField.Value
    let session: CookieField.Value
    let refresh: CookieField.Value
    let device: CookieField.Value
    private let areOfOneHost: Bool

    init(_ request: borrowing Request, _ browser: Browser) {
        let values = CookieField.values(of: browser.cookies.names, in: request)
        (access, session, refresh, device) = (values[0], values[1], values[2], values[3])
        areOfOneHost = browser.cookies.areOfOneHost
    }

    /// Whether the request has no cookie of a session. That of the device proves nothing.
    var isEmpty: Bool { access == .absent && session == .absent && refresh == .absent }

    static let unreadDetail =
        "The request has more than \(CookieField.pairCountMax) cookies, or more than \(CookieField.byteCountMax / 1_024) KiB of them, so none was read. Delete cookies of this host."

    /// Whether a name came twice, so that no value of it counts.
    ///
    /// Of several refresh cookies, the session cookie selects one, if no other host can have planted that.
    var areAmbiguous: Bool {
        access == .repeated || session == .repeated || device == .repeated || (refresh == .repeated && !areOfOneHost)
    }

    /// - Throws: `cookie_ambiguous`, which clears all cookies, if a name was sent more than once; `request_malformed`, which
    ///   clears none, if there are too many cookies to read.
    func refuseUnclear() throws(Problem) {
        guard !areAmbiguous else { throw Self.ambiguous }
        guard access != .unread else {
            var problem = Problem(.requestMalformed, Self.unreadDetail)
            problem.hasTooManyCookies = true
            throw problem
        }
    }

    private static var ambiguous: Problem {
        var problem = Problem(.cookieAmbiguous, "A cookie of this service was sent more than once.")
        problem.clearsCookies = true
        return problem
    }

    /// The refresh cookie that counts. Another host of the site can plant more of them, but none that belongs to the session
    /// of the session cookie.
    ///
    /// - Returns: nil if there is none.
    /// - Throws: `cookie_ambiguous` if several belong to the session.
    func refreshToken(
        _ request: borrowing Request, _ browser: Browser, _ context: LoopContext
    ) throws(Problem) -> Range<Int>? {
        switch refresh {
        case .one(let range): return range
        case .absent, .malformed, .unread: return nil
        case .repeated:
            guard let mark = mark(request) else { return nil }
            let own = Self.refreshTokens(of: mark.sid, request, browser, context)
            guard let first = own.first else { return nil }
            for other in own where request.bytes[other] != request.bytes[first] { throw Self.ambiguous }
            return first
        }
    }

    /// Whether a refresh cookie came that may not be planted: it belongs to a session.
    ///
    /// - Parameter sid: a session in addition to that of the session cookie.
    func includeRefreshToken(
        of sid: UUID? = nil, _ request: borrowing Request, _ browser: Browser, _ context: LoopContext
    ) -> Bool {
        guard refresh != .absent else { return false }
        guard areOfOneHost else { return true }
        for case let sid? in [sid, mark(request)?.sid]
        where !Self.refreshTokens(of: sid, request, browser, context).isEmpty { return true }
        return false
    }

    private static func refreshTokens(
        of sid: UUID, _ request: borrowing Request, _ browser: Browser, _ context: LoopContext
    ) -> [Range<Int>] {
        var found: [Range<Int>] = []
        for range in CookieField.everyValue(of: browser.cookies.refresh.name, in: request)
        where EndBrowserSession(context).session(ofRefresh: request.bytes(range)) == sid { found.append(range) }
        return found
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
