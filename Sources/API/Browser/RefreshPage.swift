import HTTP

/// The pages that `GET /refresh` answers with: a few lines without script and style.
struct RefreshPage {
    let html: String

    static let fields: StaticString = """
        Content-Type: text/html; charset=utf-8\r
        Cache-Control: no-store\r
        Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r
        Referrer-Policy: same-origin\r
        X-Content-Type-Options: nosniff\r

        """

    private init(title: String, text: String, link: String, _ location: String, isInstant: Bool = false) {
        let place = Self.escaped(location)
        let refresh = isInstant ? "<meta http-equiv=\"refresh\" content=\"0; url=\(place)\">\n" : ""
        html = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            \(refresh)<title>\(Self.escaped(title))</title>
            <h1>\(Self.escaped(title))</h1>
            <p>\(Self.escaped(text)) <a href="\(place)">\(Self.escaped(link))</a></p>

            """
    }

    /// Loads `location` at once, as a page of this site: then the browser sends its Strict cookies.
    static func bounce(_ location: String) -> Self {
        Self(title: "One moment", text: "Your session is being renewed.", link: "Continue", location, isInstant: true)
    }

    static func cookiesNotKept(_ location: String) -> Self {
        Self(
            title: "You are not signed in",
            text: "Your session has ended, or your browser does not keep the cookies of this site. Allow cookies, then",
            link: "sign in", location)
    }

    static func signedIn(_ location: String) -> Self {
        Self(title: "You are signed in", text: "Your session needs no renewal.", link: "Continue", location)
    }

    private static func escaped(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }
}

extension Route {
    /// `GET /refresh`.
    static let refreshVisit = Operation(
        method: .get, id: "refreshAndReturn", tag: "sessions", summary: "Refresh the cookies and go back to a page.",
        description: """
            Only in browser mode (MARTLET_BROWSER=on), and only for navigations: a gateway sends a browser here whose access cookie has expired, and no script is needed. A page of another site that leads here does not bring the refresh cookie, so the answer may be a page that loads this address again at once. A session whose access cookie is still valid is not refreshed.
            """,
        security: [.cookie],
        parameters: [
            Operation.Parameter(
                name: "return", schema: .string,
                description:
                    "Where the browser goes: a path, or a URL whose origin is in MARTLET_ORIGINS. Anything else is ignored, and MARTLET_AFTER_SIGNIN is used."
            ),
            Operation.Parameter(
                name: "step", schema: .string(values: RefreshVisit.Step.allCases.map(\.rawValue)),
                description: "Set by Martlet on the way, so that no browser goes around in a circle."),
        ],
        codes: [
            .requestMalformed, .cookieAmbiguous, .refreshMismatch, .csrfFailed, .originNotAllowed, .journalUnavailable,
            .signingUnavailable,
        ],
        answers: [
            Operation.Answer(
                status: 200, description: "A page that leads here once more, or on to the page.",
                content: Operation.Content(type: "text/html; charset=utf-8", schema: .string)),
            Operation.Answer(
                status: 303,
                description: "To the page with new cookies, or to the sign-in if there is no living session.",
                headers: [
                    Operation.Header(name: "Location", schema: .string),
                    Operation.Header(name: "Refresh-Outcome", schema: .string(values: ["rotated", "replayed"])),
                    Operation.cookieHeader,
                ]),
            Operation.Answer(
                status: 409, description: "A page that says that the browser does not keep cookies.",
                content: Operation.Content(type: "text/html; charset=utf-8", schema: .string)),
        ])
}
