import HTTP
import JOSE
import Tokens

extension OpenAPIDocument {
    static func front(version: String) -> [String] {
        """
        openapi: 3.1.0
        info:
          title: Martlet
          version: \(quoted(version))
          summary: A stateless JWT auth service with instant, durable revocation.
          license: {name: Apache-2.0, identifier: Apache-2.0}
          description: |
            Issues HS256 and RS256 access tokens and rotating refresh tokens, verifies them, and revokes them at once.

            Errors are `application/problem+json` (RFC 9457). `code` is one of a closed list, the enumeration of
            `components.schemas.Problem`; OAuth routes also say `error` and `error_description` (RFC 6749 section 5.2).
            Each response names the codes it may carry in `x-codes`; what any request may meet stands in the `default`
            response. `request_id` is in the log line too.

            Tokens travel in the Authorization header or in the content, never in a URL. Every path answers OPTIONS with
            204 and `Allow`. HEAD is answered wherever GET is.
        servers:
          - url: http://127.0.0.1:8080
        tags:
          - {name: sessions, description: "Sessions: begin, use, refresh, end."}
          - {name: oauth, description: Endpoints of the OAuth RFCs.}
          - {name: documents, description: What verifiers and tools read.}
          - {name: operator, description: "For the operator's listener only."}
        """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    static var components: [String] {
        (schemas + responses + security).split(separator: "\n").map(String.init)
    }

    private static var codeList: String {
        ProblemCode.allCases.map { "            - \($0.rawValue)" }.joined(separator: "\n")
    }

    /// The algorithms of keys with this `kty`, for an enumeration.
    private static func algorithms(of keyType: String) -> String {
        Algorithm.allCases.filter { $0.keyType == keyType }.map(\.rawValue).joined(separator: ", ")
    }

    private static var schemas: String {
        """
        components:
          schemas:
            Problem:
              type: object
              required: [type, title, status, code, request_id]
              properties:
                type: {type: string, description: "urn:martlet:problem: and the code."}
                title: {type: string}
                status: {type: integer}
                detail: {type: string}
                request_id: {type: string, pattern: "^[0-9a-f]{20}$"}
                code:
                  type: string
                  enum:
        \(codeList)
              examples:
                - type: urn:martlet:problem:token_expired
                  title: The token has expired.
                  status: 401
                  code: token_expired
                  request_id: 8c1f0a2b3c4d00000001
            OAuthProblem:
              allOf:
                - {$ref: '#/components/schemas/Problem'}
                - type: object
                  required: [error, error_description]
                  properties:
                    error:
                      type: string
                      enum: [invalid_request, invalid_client, invalid_grant, unauthorized_client, unsupported_grant_type, invalid_scope, invalid_target, temporarily_unavailable, server_error]
                    error_description: {type: string}
            Login:
              type: object
              required: [username, password]
              properties:
                username: {type: string, minLength: 1, maxLength: 128}
                password: {type: string, minLength: 1, maxLength: 1024, description: "1 to 1024 octets, used as received."}
                scope: {type: string, description: "Scope tokens, one space apart; default: all the user has."}
                audience: {type: string, description: "One of MARTLET_AUDIENCE; default: the first."}
                mode: {type: string, enum: [body]}
                source: {type: string, maxLength: 64, description: "The end user's IPv4 or IPv6 address, by which failed logins are limited; from authenticated clients only."}
                client_id: {type: string}
                client_secret: {type: string}
            Refresh:
              type: object
              required: [refresh_token]
              properties:
                refresh_token: {type: string}
                grant_type: {type: string, enum: [refresh_token]}
                scope: {type: string, description: A subset of the session's scope.}
                audience: {type: string}
                client_id: {type: string}
                client_secret: {type: string}
            Logout:
              type: object
              additionalProperties: false
              properties:
                refresh_token: {type: string}
                scope: {type: string, enum: [local, others, global], default: local}
            Tokens:
              type: object
              required: [access_token, token_type, expires_in, refresh_token, refresh_expires_in, session_id, scope]
              properties:
                access_token: {type: string}
                token_type: {type: string, const: Bearer}
                expires_in: {type: integer, description: Seconds.}
                refresh_token: {type: string}
                refresh_expires_in: {type: integer, description: Seconds.}
                session_id: {type: string, format: uuid}
                scope: {type: string}
              examples:
                - access_token: eyJhbGciOiJSUzI1NiIsImtpZCI6IiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln
                  token_type: Bearer
                  expires_in: 600
                  refresh_token: eyJhbGciOiJIUzI1NiIsImtpZCI6IiIsInR5cCI6InJ0K2p3dCJ9.e30.c2ln
                  refresh_expires_in: 1209600
                  session_id: 019a0000-0000-7000-8000-000000000000
                  scope: read write
            VerifyRequest:
              type: object
              additionalProperties: false
              properties:
                token: {type: string, description: "The access token, unless it is in the Authorization header."}
                audience: {type: string, minLength: 1}
                aud: {type: string, minLength: 1, description: Another name for audience.}
                scope: {type: string, minLength: 1}
                role: {type: string, minLength: 1}
                max_age: {type: integer, minimum: 0, description: Seconds since the login.}
            Verified:
              type: object
              required: [active, claims, expires_in, kid, alg, seq]
              properties:
                active: {type: boolean, const: true}
                claims: {$ref: '#/components/schemas/Claims'}
                expires_in: {type: integer, description: Seconds.}
                kid: {type: string}
                alg: {type: string, enum: [\(Algorithm.names)]}
                seq: {type: integer, description: Number of the newest durable record that this answer knows of.}
            Claims:
              type: object
              required: [iss, sub, aud, exp, iat, jti]
              properties:
                iss: {type: string}
                sub: {type: string}
                aud:
                  oneOf:
                    - {type: string}
                    - {type: array, items: {type: string}}
                client_id: {type: string}
                iat: {type: integer}
                exp: {type: integer}
                jti: {type: string}
                sid: {type: string}
                scope: {type: string}
                auth_time: {type: integer}
                amr: {type: array, items: {type: string}}
                roles: {type: array, items: {type: string}}
            Introspection:
              type: object
              required: [active]
              properties:
                active: {type: boolean}
                username: {type: string}
                token_type: {type: string}
              description: "Exactly `{\\"active\\":false}` for what is not active; else the claims beside it (RFC 7662 section 2.2)."
            TokenForm:
              type: object
              required: [token]
              properties:
                token: {type: string}
                token_type_hint: {type: string}
                client_id: {type: string}
                client_secret: {type: string}
            JWKSet:
              type: object
              required: [keys]
              properties:
                keys:
                  type: array
                  items:
                    oneOf:
                      - {$ref: '#/components/schemas/RSAKey'}
                      - {$ref: '#/components/schemas/ECKey'}
                      - {$ref: '#/components/schemas/OKPKey'}
            RSAKey:
              type: object
              required: [kty, use, alg, kid, n, e]
              properties:
                kty: {type: string, const: RSA}
                use: {type: string, const: sig}
                alg: {type: string, enum: [\(algorithms(of: "RSA"))]}
                kid: {type: string}
                n: {type: string, description: "Modulus, base64url (RFC 7518 section 6.3.1)."}
                e: {type: string, description: "Exponent, base64url."}
            ECKey:
              type: object
              required: [kty, use, alg, kid, crv, x, y]
              properties:
                kty: {type: string, const: EC}
                use: {type: string, const: sig}
                alg: {type: string, enum: [\(algorithms(of: "EC"))]}
                kid: {type: string}
                crv: {type: string, enum: [P-256, P-384, P-521]}
                x: {type: string, description: "Base64url (RFC 7518 section 6.2.1)."}
                y: {type: string}
            OKPKey:
              type: object
              required: [kty, use, alg, kid, crv, x]
              properties:
                kty: {type: string, const: OKP}
                use: {type: string, const: sig}
                alg: {type: string, enum: [\(algorithms(of: "OKP"))]}
                kid: {type: string}
                crv: {type: string, const: Ed25519}
                x: {type: string, description: "Base64url (RFC 8037 section 2)."}
            Metadata:
              type: object
              required: [issuer, token_endpoint, jwks_uri, response_types_supported, grant_types_supported, revocation_endpoint, introspection_endpoint]
              properties:
                issuer: {type: string}
                token_endpoint: {type: string}
                jwks_uri: {type: string}
                response_types_supported:
                  type: array
                  items: {type: string, const: none}
                  description: "Required by RFC 8414. There is no authorization endpoint, so the only value is `none`."
                grant_types_supported: {type: array, items: {type: string}}
                token_endpoint_auth_methods_supported: {type: array, items: {type: string}}
                revocation_endpoint: {type: string}
                revocation_endpoint_auth_methods_supported: {type: array, items: {type: string}}
                introspection_endpoint: {type: string}
                introspection_endpoint_auth_methods_supported: {type: array, items: {type: string}}
                service_documentation: {type: string}
            RevocationOrder:
              type: object
              description: Exactly one of the members names what ends; expires_at goes with jti.
              properties:
                jti: {type: string, format: uuid}
                expires_at: {type: integer, description: Seconds since 1970.}
                sid: {type: string, format: uuid}
                sub: {type: string}
                client_id: {type: string}
                kid: {type: string}
                all: {type: boolean}
            Readiness:
              type: object
              required: [status, reasons, degraded]
              properties:
                status: {type: string, enum: [ready, not_ready]}
                reasons: {type: array, items: {type: string}}
                degraded: {type: array, items: {type: string}}
            Status:
              type: object
              required: [version, pid, started, now, status, reasons, degraded, issuer, audiences, journal, keys, users, clients, reloads, paths]
              properties:
                version: {type: string}
                pid: {type: integer}
                started: {type: string, format: date-time}
                now: {type: string, format: date-time}
                status: {type: string, enum: [ready, not_ready]}
                reasons: {type: array, items: {type: string}}
                degraded: {type: array, items: {type: string}}
                issuer: {type: string}
                audiences: {type: array, items: {type: string}}
                journal:
                  type: object
                  required: [seq, writable, conditions]
                  properties:
                    seq: {type: integer, description: Number of the newest durable record.}
                    writable: {type: boolean}
                    conditions: {type: array, items: {type: string}}
                keys:
                  type: array
                  items:
                    type: object
                    required: [kid, alg, purpose, state, compromised, revoked]
                    properties:
                      kid: {type: string}
                      alg: {type: string}
                      purpose: {type: string, enum: [access, refresh]}
                      state: {type: string, enum: [published, signing, verifying, retired, compromised]}
                      compromised: {type: boolean}
                      revoked: {type: boolean, description: Whether all tokens of the key are rejected.}
                users: {type: integer}
                clients: {type: integer}
                reloads:
                  type: object
                  description: By source; one that this service does not use is absent.
                  additionalProperties:
                    type: object
                    required: [ok, last_attempt, last_success, reason]
                    properties:
                      ok: {type: boolean, description: Whether the last attempt succeeded.}
                      last_attempt: {type: string, format: date-time}
                      last_success: {type: [string, 'null'], format: date-time}
                      reason: {type: [string, 'null']}
                paths:
                  type: object
                  description: The files and directories in use, as absolute paths.
                  additionalProperties: {type: string}

        """
    }

    private static var responses: String {
        """
          headers:
            WWW-Authenticate: {description: "The challenge (RFC 6750 section 3, RFC 7617).", schema: {type: string}}
            Retry-After: {description: Seconds., schema: {type: integer}}
            Revocation-Seq: {description: Number of the record that made this durable., schema: {type: integer}}
            ETag: {schema: {type: string}}
          responses:
            Refused:
              description: What any request may meet, before its endpoint sees it.
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
        """
    }
}
