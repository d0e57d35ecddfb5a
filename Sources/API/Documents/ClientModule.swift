import HTTP

extension Route {
    package static let clientModule = Route(
        "/martlet.js", [.get, .head], access: .pageFile, policies: .quiet,
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
}

/// The module that pages import, `clients/js/martlet.js`.
package enum ClientModule {
    static let document = CachedDocument(
        Array(text.utf8), contentType: "Content-Type: text/javascript; charset=utf-8\r\n", cacheControl: "no-cache")
}
