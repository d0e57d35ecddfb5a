import HTTP

extension Endpoint {
    static let verifyOperations = [
        Operation(
            method: .get, id: "verify", tag: "sessions", summary: "Whether an access token holds, and what it says.",
            description: """
                Checks structure, key, signature, claims, account and denylist, from memory. The caller is a backend, so the code says why a token is refused. A token for any configured audience is accepted unless the request names one. Conditions may be in the query or in the content, each once; an unknown or empty one is 400.
                """,
            request: """
                security: [{bearer: []}]
                parameters:
                \(conditions)
                """,
            success: verified),
        Operation(
            method: .post, id: "verifyContent", tag: "sessions", summary: "The same, with the token in the content.",
            description: "The token may be in the content or in the Authorization header, not in both.",
            request: """
                security: [{bearer: []}, {}]
                parameters:
                \(conditions)
                requestBody:
                  content:
                    application/json:
                      schema: {$ref: '#/components/schemas/VerifyRequest'}
                      examples:
                        token: {value: {token: "$ACCESS_TOKEN", audience: api}}
                """,
            success: verified),
    ]

    /// The conditions of /verify and /auth, which are the same.
    private static let conditions = """
          - {name: audience, in: query, schema: {type: string, minLength: 1}, description: "The audience the token must have; not together with aud."}
          - {name: aud, in: query, schema: {type: string, minLength: 1}, description: Another name for audience.}
          - {name: scope, in: query, schema: {type: string, minLength: 1}, description: "Scope tokens it must have, one space apart."}
          - {name: role, in: query, schema: {type: string, minLength: 1}, description: "Roles it must have, one space apart."}
          - {name: max_age, in: query, schema: {type: integer, minimum: 0}, description: Seconds since the login.}
        """

    private static let verified = """
        '200':
          description: The token holds.
        \(json("Verified"))
        """

    static let authOperations = [Method.get, .post, .put, .patch, .delete].map { method in
        Operation(
            method: method, id: "auth" + method.rawValue.capitalizedASCII, tag: "sessions",
            summary: "A gateway's question: may this request pass?",
            description: """
                For nginx auth_request, Traefik and Caddy forward-auth. Answers 200, 401 or 403 to any method, ignores the content, and sets every X-Auth field each time. The query is the gateway's own; a condition in it that is unknown, empty or given twice is 403 and a line in the log.
                """,
            request: """
                security: [{bearer: []}]
                parameters:
                \(conditions)
                """,
            success: """
                '200':
                  description: It may.
                  headers:
                    X-Auth-Subject: {schema: {type: string}}
                    X-Auth-User: {schema: {type: string}, description: Percent-encoded where it is not printable ASCII.}
                    X-Auth-Session: {schema: {type: string}}
                    X-Auth-Client: {schema: {type: string}}
                    X-Auth-Scope: {schema: {type: string}}
                    X-Auth-Roles: {schema: {type: string}, description: Comma-separated.}
                    X-Auth-Expires: {schema: {type: integer}, description: Seconds since 1970.}
                """)
    }

    static let loginOperation = Operation(
        method: .post, id: "login", tag: "sessions", summary: "Begin a session.",
        description: """
            First-party logins only; OAuth clients never see a password. Unknown users, wrong passwords and disabled accounts answer alike and take alike long. A client may authenticate beside the user; the session then belongs to it.
            """,
        request: """
            security: [{}, {client: []}]
            requestBody:
              required: true
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Login'}
                  examples:
                    plain: {value: {username: ana, password: correct horse battery staple}}
                application/x-www-form-urlencoded:
                  schema: {$ref: '#/components/schemas/Login'}
            """,
        success: """
            '200':
              description: The session's first tokens.
            \(json("Tokens"))
            """)

    static let refreshOperation = Operation(
        method: .post, id: "refresh", tag: "sessions", summary: "Trade a refresh token for its successor.",
        description: """
            Each refresh token works once. Within the grace time the same request repeats the same answer (Refresh-Outcome: replayed); after it, a spent token ends its session.
            """,
        request: """
            security: [{}, {client: []}]
            requestBody:
              required: true
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Refresh'}
                  examples:
                    plain: {value: {refresh_token: $REFRESH_TOKEN}}
                application/x-www-form-urlencoded:
                  schema: {$ref: '#/components/schemas/Refresh'}
            """,
        success: refreshed)

    static let refreshed = """
        '200':
          description: The next tokens; sent once the rotation is on stable storage.
          headers:
            Refresh-Outcome: {schema: {type: string, enum: [rotated, replayed]}}
        \(json("Tokens"))
        """

    static let logoutOperation = Operation(
        method: .post, id: "logout", tag: "sessions", summary: "End this session, the others, or all.",
        description:
            "With the access token in the Authorization header or a refresh token in the content. If both are sent, one that is valid is enough; two valid ones must belong to one session. An access token signed with a shared secret ends only what this server issued it for.",
        request: """
            security: [{bearer: []}, {}]
            requestBody:
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Logout'}
                  examples:
                    everywhere: {value: {refresh_token: $REFRESH_TOKEN, scope: global}}
                application/x-www-form-urlencoded:
                  schema: {$ref: '#/components/schemas/Logout'}
            """,
        success: """
            '204':
              description: Ended, and durably so.
              headers:
                Revocation-Seq: {$ref: '#/components/headers/Revocation-Seq'}
            """)
}

extension String {
    /// `PATCH` as `Patch`.
    fileprivate var capitalizedASCII: String { prefix(1) + dropFirst().lowercased() }
}
