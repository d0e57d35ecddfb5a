import HTTP

extension Endpoint {
    static let tokenOperation = Operation(
        method: .post, id: "token", tag: "oauth", summary: "The refresh grant of RFC 6749 section 6.",
        description:
            "As /refresh, with the statuses that OAuth libraries expect: a refresh token that is not valid is 400 invalid_grant.",
        request: """
            security: [{}, {client: []}]
            requestBody:
              required: true
              content:
                application/x-www-form-urlencoded:
                  schema:
                    allOf:
                      - {$ref: '#/components/schemas/Refresh'}
                      - {type: object, required: [grant_type]}
                  examples:
                    refresh: {value: {grant_type: refresh_token, refresh_token: $REFRESH_TOKEN}}
            """,
        success: refreshed)

    static let revokeOperation = Operation(
        method: .post, id: "revoke", tag: "oauth", summary: "Revoke a token (RFC 7009).",
        description: """
            A refresh token ends its session, an access token only itself. 200 is sent once the revocation is on stable storage, and for any token that is none of ours. A token of a registered client needs that client; a first-party token is revoked by any client that has it. An access token signed with a shared secret is revoked only if this server issued it.
            """,
        request: """
            security: [{}, {client: []}]
            requestBody:
              required: true
              content:
                application/x-www-form-urlencoded:
                  schema: {$ref: '#/components/schemas/TokenForm'}
                  examples:
                    access: {value: {token: $ACCESS_TOKEN}}
            """,
        success: """
            '200':
              description: Revoked, or nothing to revoke.
              headers:
                Revocation-Seq: {$ref: '#/components/headers/Revocation-Seq'}
            """)

    static let introspectOperation = Operation(
        method: .post, id: "introspect", tag: "oauth",
        summary: "What a token says, for authenticated clients (RFC 7662).",
        description:
            "A client sees tokens that were issued to it, and access tokens for its audiences; everything else is inactive.",
        request: """
            security: [{client: []}]
            requestBody:
              required: true
              content:
                application/x-www-form-urlencoded:
                  schema: {$ref: '#/components/schemas/TokenForm'}
                  examples:
                    access: {value: {token: $ACCESS_TOKEN}}
            """,
        success: """
            '200':
              description: Active with its claims, or inactive.
            \(json("Introspection"))
            """)
}
