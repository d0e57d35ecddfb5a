import HTTP

/// One method of one path, as the OpenAPI document describes it: YAML fragments, each at its own left margin.
struct Operation: Sendable {
    let method: Method
    let id: String
    let tag: String
    let summary: String
    let description: String
    /// `security`, `parameters` and `requestBody`.
    var request = ""
    /// The responses that are not problems.
    let success: String
}

/// What several operations share.
extension Operation {
    static func json(_ schema: String) -> String {
        """
          content:
            application/json:
              schema: {$ref: '#/components/schemas/\(schema)'}
        """
    }

    /// The conditions of /verify and /auth, which are the same.
    static let conditions = """
          - {name: audience, in: query, schema: {type: string, minLength: 1}, description: "The audience the token must have; not together with aud."}
          - {name: aud, in: query, schema: {type: string, minLength: 1}, description: Another name for audience.}
          - {name: scope, in: query, schema: {type: string, minLength: 1}, description: "Scope tokens it must have, one space apart."}
          - {name: role, in: query, schema: {type: string, minLength: 1}, description: "Roles it must have, one space apart."}
          - {name: max_age, in: query, schema: {type: integer, minimum: 0}, description: Seconds since the login.}
        """

    static let verified = """
        '200':
          description: The token holds.
        \(json("Verified"))
        """

    static let refreshed = """
        '200':
          description: The next tokens; sent once the rotation is on stable storage.
          headers:
            Refresh-Outcome: {schema: {type: string, enum: [rotated, replayed]}}
        \(json("Tokens"))
        """
}
