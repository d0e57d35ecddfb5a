extension OpenAPIDocument {
    static func front(version: String) -> [String] {
        """
        openapi: 3.1.0
        info:
          title: Martlet
          version: \(YAML.quoted(version))
          summary: A stateless JWT auth service with instant, durable revocation.
          license: {name: Apache-2.0, identifier: Apache-2.0}
          description: |
            Issues access tokens and rotating refresh tokens, verifies them, and revokes them at once.

            Errors are `application/problem+json` (RFC 9457). `code` is one of a closed list, the enumeration of
            `components.schemas.Problem`; OAuth routes also have `error` and `error_description` (RFC 6749 section 5.2).
            Each response lists its codes in `x-codes`; the codes that any request may get are in the `default`
            response. The log line of the request has the same `request_id`.

            Tokens travel in the Authorization header or in the content, never in a URL. Every path answers OPTIONS with
            204 and `Allow`. HEAD is supported wherever GET is.
        servers:
          - url: http://127.0.0.1:8080
        tags:
          - {name: sessions, description: "Sessions: begin, use, refresh, end."}
          - {name: oauth, description: Endpoints of the OAuth RFCs.}
          - {name: feed, description: "Revocations in order, for verifiers in other processes."}
          - {name: documents, description: Documents for verifiers and tools.}
          - {name: operator, description: "Served on the operator's listener only."}
        """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    static var components: [String] {
        ["components:"] + schemas + (responses + security).split(separator: "\n").map(String.init)
    }

    /// Every named schema that a problem or an operation refers to.
    private static var schemas: [String] {
        var found: [(name: String, schema: Schema)] = []
        Schema.problem.collect(into: &found)
        Schema.oauthProblem.collect(into: &found)
        for route in RouteTable.standard.routes {
            for operation in route.operations { operation.collect(into: &found) }
        }
        return ["  schemas:"] + found.flatMap { YAML.member($0.name, $0.schema.yaml) }.map { "    " + $0 }
    }

    private static var responses: String {
        """
          headers:
            WWW-Authenticate: {description: "The challenge (RFC 6750 section 3, RFC 7617).", schema: {type: string}}
            Retry-After: {description: Seconds., schema: {type: integer}}
            Revocation-Seq: {description: Position of the record that made this durable., schema: {$ref: '#/components/schemas/Position'}}
            ETag: {schema: {type: string}}
          responses:
            Refused:
              description: An error that any request may get before it reaches its endpoint.
              content:
                application/problem+json:
                  schema: {$ref: '#/components/schemas/Problem'}
              x-codes: [\(ProblemCode.everywhere.map(\.rawValue).joined(separator: ", ")), not_found]

        """
    }

    private static var security: String {
        """
          securitySchemes:
            bearer: {type: http, scheme: bearer, bearerFormat: at+jwt}
            client: {type: http, scheme: basic}
            cookie:
              type: apiKey
              in: cookie
              name: __Host-Http-martlet-access
              description: Only with MARTLET_BROWSER=on; MARTLET_COOKIE_NAME and MARTLET_COOKIE_DOMAIN change the name.
        """
    }
}
