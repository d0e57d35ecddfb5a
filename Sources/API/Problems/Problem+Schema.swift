import Accounts

extension Schema {
    static let problem = named(
        "Problem",
        object(
            .required("type", .string.described("urn:martlet:problem: and the code.")), .required("title", .string),
            .required("status", .integer), .optional("detail", .string),
            .optional(
                "reasons",
                .array(of: .string(values: PasswordViolation.allCases.map(\.rawValue))).described(
                    "For password_unfit: every rule that the new password breaks.")),
            .required("request_id", .string(pattern: "^[0-9a-f]{20}$")),
            .required("code", .string(values: ProblemCode.allCases.map(\.rawValue)))
        ).withExample(
            ("type", .text("urn:martlet:problem:token_expired")), ("title", .text("The token has expired.")),
            ("status", .plain("401")), ("code", .text("token_expired")),
            ("request_id", .text("8c1f0a2b3c4d00000001"))))

    static let oauthProblem = named(
        "OAuthProblem",
        .allOf(
            .problem,
            .object(
                .required(
                    "error",
                    .string(values: [
                        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
                        "unsupported_grant_type", "invalid_scope", "invalid_target", "temporarily_unavailable",
                        "server_error",
                    ])),
                .required("error_description", .string))))
}
