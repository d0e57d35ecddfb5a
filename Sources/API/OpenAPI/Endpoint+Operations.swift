import HTTP

extension Endpoint {
    /// What the document says of this endpoint, a method each; HEAD and OPTIONS are told of once, in its front matter.
    var operations: [Operation] {
        switch self {
        case .verify: Self.verifyOperations
        case .auth: Self.authOperations
        case .login: [Self.loginOperation]
        case .refresh: [Self.refreshOperation]
        case .token: [Self.tokenOperation]
        case .logout: [Self.logoutOperation]
        case .revoke: [Self.revokeOperation]
        case .introspect: [Self.introspectOperation]
        case .jwks: [Self.document("jwks", "The public keys (RFC 7517).", "application/json", "JWKSet")]
        case .metadata: [Self.document("metadata", "The server's metadata (RFC 8414).", "application/json", "Metadata")]
        case .openAPI: [Self.document("openAPI", "This document.", "application/yaml", nil)]
        case .healthz: [Self.healthzOperation]
        case .livez: [Self.livezOperation]
        case .readyz: [Self.readyzOperation]
        case .metrics: [Self.metricsOperation]
        case .adminRevocations: [Self.adminOperation]
        case .adminStatus: [Self.statusOperation]
        }
    }

    static func json(_ schema: String) -> String {
        """
          content:
            application/json:
              schema: {$ref: '#/components/schemas/\(schema)'}
        """
    }

    static func document(_ id: String, _ summary: String, _ type: String, _ schema: String?) -> Operation {
        let content =
            schema.map { "{$ref: '#/components/schemas/\($0)'}" }
            ?? "{type: object, required: [openapi, info, paths, components]}"
        return Operation(
            method: .get, id: id, tag: "documents", summary: summary,
            description: "Cacheable for five minutes, with an entity tag, readable from any origin.",
            request: """
                parameters:
                  - {name: If-None-Match, in: header, schema: {type: string}}
                """,
            success: """
                '200':
                  description: The document.
                  headers:
                    ETag: {$ref: '#/components/headers/ETag'}
                  content:
                    \(type):
                      schema: \(content)
                '304':
                  description: It has not changed.
                """)
    }

    static let healthzOperation = Operation(
        method: .get, id: "healthz", tag: "documents", summary: "Whether the service answers.",
        description: "200 and nothing more.", success: "'200': {description: It does.}")

    static let livezOperation = Operation(
        method: .get, id: "livez", tag: "operator", summary: "Whether the process is alive.",
        description: "Answered by an event loop, so it says that one still turns.",
        success: """
            '200':
              description: It is.
              content:
                application/json:
                  schema: {type: object, required: [status], properties: {status: {type: string, const: live}}}
            """)

    static let readyzOperation = Operation(
        method: .get, id: "readyz", tag: "operator", summary: "Whether every promise can be kept.",
        description: """
            Reasons: journal_unwritable (nothing is acknowledged) with its cause, one of journal_disk_full, \
            journal_read_only, journal_no_descriptors, journal_replaced, journal_failing; journal_low_space (revocations are \
            acknowledged, logins and refreshes are not); draining. `degraded` names what a failed reload left as it was \
            (users_reload_failed, clients_reload_failed, keys_reload_failed, tls_reload_failed); the service stays ready.
            """,
        success: """
            '200':
              description: Ready.
            \(json("Readiness"))
            '503':
              description: Not ready, and why.
            \(json("Readiness"))
            """)

    static let metricsOperation = Operation(
        method: .get, id: "metrics", tag: "operator", summary: "Counters and histograms.",
        description: "Prometheus text, format 0.0.4. Holds no secret and no name of a user.",
        success: """
            '200':
              description: The metrics.
              content:
                text/plain:
                  schema: {type: string}
            """)

    static let adminOperation = Operation(
        method: .post, id: "adminRevocations", tag: "operator",
        summary: "End a token, a session, or all of a subject, client or key.",
        description:
            "Only over a Unix socket among MARTLET_OPERATOR_LISTEN, whose file mode says who may; over TCP there is nothing here.",
        request: """
            requestBody:
              required: true
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/RevocationRequest'}
                  examples:
                    subject: {value: {sub: 019a0000-0000-7000-8000-000000000000}}
            """,
        success: """
            '200':
              description: It is durable.
              headers:
                Revocation-Seq: {$ref: '#/components/headers/Revocation-Seq'}
              content:
                application/json:
                  schema: {type: object, required: [seq], properties: {seq: {type: integer}}}
            """)

    static let statusOperation = Operation(
        method: .get, id: "adminStatus", tag: "operator", summary: "What the running service applies now.",
        description: """
            Only over a Unix socket among MARTLET_OPERATOR_LISTEN, as /admin/revocations. Shows the keys as they are applied, \
            the last attempt to read each source, and the files in use. `martlet status` prints it.
            """,
        success: """
            '200':
              description: The status.
            \(json("Status"))
            """)
}
