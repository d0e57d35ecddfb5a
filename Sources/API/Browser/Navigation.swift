import HTTP

/// Whether a browser loads the answer as a page, because the user follows a link, submits a form or enters an address.
enum Navigation {
    /// Frames, images, scripts and requests of scripts are none, and neither is a page that the browser only fetches in
    /// advance.
    ///
    /// Browsers of before 2023 send no Sec-Fetch fields. Then the request counts if it accepts HTML.
    static func isOne(_ request: borrowing Request) -> Bool {
        guard request.fieldCount("sec-purpose") == 0, request.fieldCount("purpose") == 0,
            request.fieldCount("x-moz") == 0
        else { return false }
        guard
            request.fieldCount("sec-fetch-mode") == 0, request.fieldCount("sec-fetch-dest") == 0,
            request.fieldCount("sec-fetch-site") == 0
        else {
            return isField(request, "sec-fetch-mode", "navigate") && isField(request, "sec-fetch-dest", "document")
        }
        return acceptsHTML(request)
    }

    /// Whether a page of another site has led here, so that the browser leaves out cookies that are `SameSite=Strict`.
    static func mayLackStrictCookies(_ request: borrowing Request) -> Bool {
        let sites: [StaticString] = ["same-origin", "same-site", "none"]
        return !sites.contains { isField(request, "sec-fetch-site", $0) }
    }

    /// Whether something else than a page of this origin has led here: another site, a bookmark, the history.
    static func isFromOtherPlace(_ request: borrowing Request) -> Bool {
        request.fieldCount("sec-fetch-site") > 0 && !isField(request, "sec-fetch-site", "same-origin")
    }

    private static func isField(_ request: borrowing Request, _ name: StaticString, _ value: StaticString) -> Bool {
        guard let sent = request.field(name) else { return false }
        return request.isEqual(sent, value)
    }

    private static func acceptsHTML(_ request: borrowing Request) -> Bool {
        guard let accept = request.field("accept") else { return false }
        return request.text(accept).lowercased().split(separator: ",").contains { range in
            range.split(separator: ";", omittingEmptySubsequences: false).first?.trimmed == "text/html"
        }
    }
}
