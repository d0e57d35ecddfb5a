import HTTP
import Pages

extension Route {
    package static let signIn = Route(
        "/signin", [.get, .head, .post], access: .page, policies: .limitedByAddress, content: .form,
        operations: [
            page(
                "signInPage", "The page for signing in.",
                "An HTML page without script. The language is that of Accept-Language.",
                parameters: [
                    Operation.Parameter(
                        name: "return", schema: .string,
                        description:
                            "Where the browser goes next: a path, or a URL of a listed origin. Others are ignored."),
                    Operation.Parameter(
                        name: "max_age", schema: .integer(minimum: 0),
                        description: "Ask the signed-in user for the password again."),
                    notice,
                ]),
            action(
                "signIn", "Sign in with the form of the page.",
                "Sets the cookies as POST /login does. A login that is rejected shows the form with the reason.",
                .signInForm, statuses: [401, 422, 429, 503]),
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        if request.method == .post { return try application.signIn(request, &response, exchange, call) }
        try application.signInPage(request, &response, call)
        return .answered
    }

    package static let signOut = Route(
        "/signout", [.get, .head, .post], access: .page, content: .form,
        operations: [
            page("signOutPage", "The page that asks whether to sign out.", "An HTML page without script."),
            action(
                "signOut", "End the session of the browser.",
                "Clears the cookies, also if the session has ended already.",
                .signOutForm, statuses: [503]),
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        if request.method == .post { return try application.signOut(request, &response, exchange, call) }
        try application.signOutPage(request, &response, call)
        return .answered
    }

    package static let account = Route(
        "/account", [.get, .head, .post], access: .page, policies: .limitedByAddress, content: .form,
        operations: [
            page(
                "accountPage", "Who is signed in, with sessions and password.",
                "An HTML page without script. Without a session, the answer redirects to the page for signing in; with an access token that has expired, to GET /refresh.",
                parameters: [notice], redirects: true),
            action(
                "changeAccount", "End sessions, or change the password.",
                "action is end (with session), others, all or password (with the three passwords).", .accountForm,
                statuses: [401, 404, 422, 429, 503]),
        ]
    ) { application, request, response, exchange, call throws(Problem) in
        if request.method == .post { return try application.changeAccount(request, &response, exchange, call) }
        try application.accountPage(request, &response, call)
        return .answered
    }

    /// Where password managers look for it (W3C, "A Well-Known URL for Changing Passwords").
    package static let changePassword = Route(
        "/.well-known/change-password", [.get, .head], access: .page, policies: .quiet,
        operations: [
            Operation(
                method: .get, id: "changePasswordPage", tag: "pages", summary: "Leads to the page of the account.",
                description: "Only in browser mode (MARTLET_BROWSER=on).",
                answers: [redirection])
        ]
    ) { application, _, response, _, _ throws(Problem) in
        if let browser = application.shared.browser {
            application.redirect(browser.pages.path("/account"), &response)
        }
        return .answered
    }

    package static let styleSheet = Route(
        "/pages/{sheet}", [.get, .head], access: .page, policies: .quiet,
        operations: [
            Operation(
                method: .get, id: "styleSheet", tag: "pages", summary: "A style sheet of the pages.",
                description: "The name contains a checksum of the content, so caches may keep it.",
                parameters: [
                    Operation.Parameter(name: "sheet", place: "path", schema: .string),
                    Operation.Parameter(name: "If-None-Match", place: "header", schema: .string),
                ],
                answers: [
                    Operation.Answer(
                        status: 200, description: "The style sheet.", headers: [Operation.Header(name: "ETag")],
                        content: Operation.Content(type: "text/css", schema: .string)),
                    Operation.Answer(status: 304, description: "It has not changed."),
                    problemPage(400), problemPage(404),
                ])
        ]
    ) { application, request, response, _, call throws(Problem) in
        try application.styleSheet(request, &response, call)
        return .answered
    }

    private static let notice = Operation.Parameter(
        name: "done", schema: .string(values: PageNotice.allCases.map(\.rawValue)),
        description: "What the page reports as done.")

    private static let redirection = Operation.Answer(
        status: 303, description: "The page that the browser loads next.",
        headers: [Operation.Header(name: "Location", schema: .string), Operation.cookieHeader])

    private static let html = Operation.Content(type: "text/html", schema: .string)

    private static func page(
        _ id: String, _ summary: String, _ description: String, parameters: [Operation.Parameter] = [],
        redirects: Bool = false
    ) -> Operation {
        Operation(
            method: .get, id: id, tag: "pages", summary: summary,
            description: "\(description) Only in browser mode (MARTLET_BROWSER=on).", security: [.none, .cookie],
            parameters: parameters,
            answers: [Operation.Answer(status: 200, description: "The page.", content: html)]
                + (redirects ? [redirection] : []) + [400, 403].map(problemPage))
    }

    private static func action(
        _ id: String, _ summary: String, _ description: String, _ form: Schema, statuses: [UInt16]
    ) -> Operation {
        Operation(
            method: .post, id: id, tag: "pages", summary: summary,
            description: """
                \(description) Only forms of the listed origins and of the own origin are accepted: without Origin and \
                Sec-Fetch-Site, the answer is 403.
                """,
            security: [.none, .cookie], body: Operation.Body(contents: [.form(form)]),
            answers: [redirection] + (statuses + [400, 403, 413, 415]).sorted().map(problemPage))
    }

    private static func problemPage(_ status: UInt16) -> Operation.Answer {
        let headers = [429, 503].contains(status) ? [Operation.Header(name: "Retry-After")] : []
        // Without browser mode there is no page, and a message that is too long is rejected before its path counts.
        let problem = Operation.Content(type: "application/problem+json", schema: .problem)
        return Operation.Answer(
            status: status, description: "A page that says what was wrong.", headers: headers, content: html,
            otherContents: [404, 413].contains(status) ? [problem] : [])
    }
}

extension Schema {
    fileprivate static let signInForm = named(
        "SignInForm",
        .object(
            .optional("username", .string), .optional("password", .string), .optional("return", .string),
            .optional("max_age", .string), .optional("remember", .string(values: ["true", "false"])),
            .optional("device", .string), rest: .none))

    fileprivate static let signOutForm = named("SignOutForm", .object(rest: .none))

    fileprivate static let accountForm = named(
        "AccountForm",
        .object(
            .required("action", .string(values: AccountAction.allCases.map(\.rawValue))), .optional("session", .uuid),
            .optional("current_password", .string), .optional("new_password", .string),
            .optional("new_password_again", .string), rest: .none))
}
