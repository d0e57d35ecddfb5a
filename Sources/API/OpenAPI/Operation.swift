package import HTTP

/// One method of one path, as the OpenAPI document describes it.
package struct Operation: Sendable {
    package let method: Method
    let id: String
    let tag: String
    let summary: String
    let description: String
    /// Which credentials the request may carry; each is enough.
    var security: [Security] = []
    var parameters: [Parameter] = []
    var body: Body?
    /// The errors of this method; nil for all errors of the route.
    package var codes: [ProblemCode]?
    /// The responses that are not problems.
    package let answers: [Answer]

    enum Security: Sendable {
        case none
        case bearer
        case client
        /// The access cookie of browser mode.
        case cookie
    }

    /// A parameter in the query or in the path, or a header field.
    struct Parameter: Sendable {
        let name: String
        var place = "query"
        let schema: Schema
        var description: String?
    }

    /// The content of a request.
    struct Body: Sendable {
        var isRequired = true
        let contents: [Content]
    }

    package struct Content: Sendable {
        package let type: String
        package let schema: Schema
        /// By name.
        var examples: [(String, YAML)] = []
    }

    struct Header: Sendable {
        let name: String
        /// Nil for a header that `components` describes.
        var schema: Schema?
        var description: String?
    }

    package struct Answer: Sendable {
        package let status: UInt16
        let description: String
        var headers: [Header] = []
        package var content: Content?
        /// The content of some of these answers.
        var otherContents: [Content] = []

        var contents: [Content] { (content.map { [$0] } ?? []) + otherContents }
    }
}

extension Operation.Content {
    static func json(_ schema: Schema, _ example: (String, YAML)? = nil) -> Self {
        Self(type: "application/json", schema: schema, examples: example.map { [$0] } ?? [])
    }

    static func form(_ schema: Schema, _ example: (String, YAML)? = nil) -> Self {
        Self(type: "application/x-www-form-urlencoded", schema: schema, examples: example.map { [$0] } ?? [])
    }
}

/// What several operations share.
extension Operation {
    static let claimsMeaning =
        "1 to 16 claims and the value of each. A string means what martlet verify --claim means by it, any other value what --claim-json means."

    /// The conditions of /verify, /verify/batch and /auth.
    static let conditions = [
        Parameter(
            name: "min_seq", schema: .wantedPosition,
            description: "The answer must know of this durable record."),
        Parameter(
            name: "audience", schema: .string(lengthMin: 1),
            description: "The audience that the token must have; cannot be combined with aud."),
        Parameter(name: "aud", schema: .string(lengthMin: 1), description: "Another name for audience."),
        Parameter(
            name: "scope", schema: .string(lengthMin: 1),
            description: "Scopes that the token must have, separated by single spaces."),
        Parameter(
            name: "role", schema: .string(lengthMin: 1),
            description: "Roles that the token must have, separated by single spaces."),
        Parameter(
            name: "max_age", schema: .integer(minimum: 0), description: "Maximum time since the login in seconds."),
        Parameter(name: "issuer", schema: .string(lengthMin: 1), description: "The issuer that the token must have."),
        Parameter(name: "subject", schema: .string(lengthMin: 1), description: "The subject that the token must have."),
        Parameter(
            name: "client_id", schema: .string(lengthMin: 1), description: "The client that the token must have."),
        Parameter(
            name: "required_claims", schema: .string(lengthMin: 1),
            description: "1 to 16 claims that the token must have, separated by single spaces."),
        Parameter(
            name: "claims", schema: .string(lengthMin: 1), description: "A JSON object as text. " + claimsMeaning),
    ]
}
