import HTTP

/// Decides whether a request that authenticates with cookies comes from a page that may send it.
///
/// A browser adds cookies to requests that pages of other sites cause, so the cookie alone says nothing about who wants
/// the request. Requests with a bearer token need no such check: no browser adds one by itself.
enum CrossSite {
    /// What the request is about to do with its cookies.
    enum Use {
        /// At a path of this service. `isReading`: nothing changes, and pages of other origins cannot read the answer.
        case own(isReading: Bool)
        /// A gateway asks about a request of its client. `isSafe`: the gateway says that its method is GET or HEAD.
        case gateway(isSafe: Bool)
    }

    private enum Site {
        case absent, sameOrigin, none, other
    }

    /// - Throws: `csrf_failed` or `origin_not_allowed`, which clear no cookie; the detail names the field that decided.
    static func check(_ request: borrowing Request, _ use: Use, _ browser: Browser) throws(Problem) {
        let origin = request.occurrence(of: "origin")
        switch origin {
        case .absent: break
        case .once(let value): if browser.index(ofOrigin: value, request) != nil { return }
        case .repeated: throw Problem(.originNotAllowed, "Origin was sent more than once.")
        }
        switch site(of: request) {
        case .sameOrigin: return
        case .none:
            guard isSafe(request, use) else {
                throw Problem(.csrfFailed, "Sec-Fetch-Site is none, and the request is not safe.")
            }
        case .other:
            let isNavigation = request.field("sec-fetch-mode").map { request.isEqual($0, "navigate") } ?? false
            guard isSafe(request, use), isNavigation || origin == .absent else {
                throw Problem(.csrfFailed, "Sec-Fetch-Site says that another site or origin sent the request.")
            }
        case .absent:
            guard origin == .absent else { throw Problem(.originNotAllowed, "Origin is not in the list.") }
            try checkWithoutFields(request, use)
        }
    }

    /// A handshake opens a channel in both directions, whatever its method is.
    private static func isSafe(_ request: borrowing Request, _ use: Use) -> Bool {
        use.isSafe && request.fieldCount("sec-websocket-key") == 0
    }

    /// Neither field is there: an old browser, or no browser at all. A form of another site sends neither
    /// JSON nor a merge patch.
    private static func checkWithoutFields(_ request: borrowing Request, _ use: Use) throws(Problem) {
        if isSafe(request, use) { return }
        if case .own = use, let type = request.field("content-type") {
            switch MediaType(request, type) {
            case .json, .mergePatch: return
            case .form, .other: break
            }
        }
        throw Problem(.csrfFailed, "Neither Origin nor Sec-Fetch-Site says where the request comes from.")
    }

    /// An unknown value, and a field that was sent more than once, count as another site.
    private static func site(of request: borrowing Request) -> Site {
        switch request.occurrence(of: "sec-fetch-site") {
        case .absent: return .absent
        case .repeated: return .other
        case .once(let value):
            if request.isEqual(value, "same-origin") { return .sameOrigin }
            return request.isEqual(value, "none") ? .none : .other
        }
    }

    /// Whether a browser sent the request. Other clients send neither field.
    static func isFromBrowser(_ request: borrowing Request) -> Bool {
        request.fieldCount("origin") > 0 || request.fieldCount("sec-fetch-site") > 0
    }
}

extension CrossSite.Use {
    fileprivate var isSafe: Bool {
        switch self {
        case .own(let isReading): isReading
        case .gateway(let isSafe): isSafe
        }
    }
}

extension Browser {
    /// The place of an origin in the list; only the exact bytes of an entry match.
    func index(ofOrigin origin: Range<Int>, _ request: borrowing Request) -> Int? {
        origins.firstIndex { request.isEqual(origin, $0) }
    }
}
