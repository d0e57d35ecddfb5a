import HTTP

extension Route {
    package static let jwks = Route(
        "/.well-known/jwks.json", [.get, .head], policies: [.quiet, .onFollowers],
        operations: [document("jwks", "The public keys (RFC 7517).", "application/json", .keySet)]
    ) { application, request, response, _, _ throws(Problem) in
        application.document(.keySet, request, &response)
        return .answered
    }

    package static let metadata = Route(
        "/.well-known/oauth-authorization-server", [.get, .head], policies: [.quiet, .issuerSuffix, .onFollowers],
        operations: [document("metadata", "The server's metadata (RFC 8414).", "application/json", .metadata)]
    ) { application, request, response, _, _ throws(Problem) in
        application.document(.metadata, request, &response)
        return .answered
    }

    /// The same document where OpenID Connect Discovery §4 puts it, for verifiers that ask nowhere else.
    package static let openIDConfiguration = Route(
        "/.well-known/openid-configuration", [.get, .head], policies: [.quiet, .issuerSuffix, .onFollowers],
        operations: [
            document(
                "openIDConfiguration", "The same metadata, for verifiers that ask only here.", "application/json",
                .metadata)
        ]
    ) { application, request, response, _, _ throws(Problem) in
        application.document(.metadata, request, &response)
        return .answered
    }

    package static let openAPI = Route(
        "/openapi.yaml", [.get, .head], policies: [.quiet, .onFollowers],
        operations: [document("openAPI", "This document.", "application/yaml", .openAPI)]
    ) { application, request, response, _, _ throws(Problem) in
        application.document(.openAPI, request, &response)
        return .answered
    }

    package static let clientModule = Route(
        "/martlet.js", [.get, .head], access: .pageFile, policies: [.quiet, .onFollowers],
        operations: [
            Operation(
                method: .get, id: "clientModule", tag: "documents", summary: "The JavaScript module for pages.",
                description: """
                    Only in browser mode (MARTLET_BROWSER=on). A browser asks each time whether its copy is current, so a page never has the module of an earlier version. It is readable from any origin.
                    """,
                parameters: [Operation.Parameter(name: "If-None-Match", place: "header", schema: .string)],
                answers: [
                    Operation.Answer(
                        status: 200, description: "The module.", headers: [Operation.Header(name: "ETag")],
                        content: Operation.Content(type: "text/javascript", schema: .string)),
                    Operation.Answer(status: 304, description: "It has not changed."),
                ])
        ]
    ) { application, request, response, _, _ throws(Problem) in
        application.document(.clientModule, request, &response)
        return .answered
    }

    private static func document(_ id: String, _ summary: String, _ type: String, _ schema: Schema) -> Operation {
        Operation(
            method: .get, id: id, tag: "documents", summary: summary,
            description: "Cacheable for five minutes, with an entity tag, readable from any origin.",
            parameters: [Operation.Parameter(name: "If-None-Match", place: "header", schema: .string)],
            answers: [
                Operation.Answer(
                    status: 200, description: "The document.", headers: [Operation.Header(name: "ETag")],
                    content: Operation.Content(type: type, schema: schema)),
                Operation.Answer(status: 304, description: "It has not changed."),
            ])
    }
}

extension Application {
    /// The JWK Set, the metadata and the OpenAPI document: cacheable, with an entity tag, readable from any origin.
    func document(_ name: Documents.Name, _ request: borrowing Request, _ response: inout Response) {
        let document = documents.document(name, context, shared)
        response.addLines(document.fields)
        if let value = request.field("if-none-match"), Self.matches(request.text(value), document.etag) {
            response.status = 304
            return
        }
        response.addLines(document.contentType)
        response.body.append(contentsOf: document.body)
    }

    /// RFC 9110 §13.1.2, weak comparison.
    static func matches(_ field: String, _ etag: [UInt8]) -> Bool {
        let wanted = String(decoding: etag, as: UTF8.self)
        return field.split(separator: ",").map { $0.trimmed }.contains { tag in
            tag == "*" || tag == wanted || tag == "W/" + wanted
        }
    }
}
