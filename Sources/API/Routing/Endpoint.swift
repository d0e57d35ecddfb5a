import HTTP

/// What the pipeline, the log and the metrics need to know about a route for each request.
///
/// It holds no references, so a request copies it without counting any.
struct Endpoint: Sendable {
    /// A fixed path, or a ``PathPattern``.
    let path: StaticString
    let methods: Methods
    /// Those of ``methods`` that exist in browser mode only.
    let browserMethods: Methods
    let listener: Request.Role
    let access: AccessRule
    let policies: RoutePolicies
    /// The media types of the content that a request may have; nil where content is ignored.
    let content: Parameters.Form?
    /// The position in the ``RouteTable``.
    var row = 0

    var isQuiet: Bool { policies.contains(.quiet) }

    var isOAuth: Bool { policies.contains(.oauthErrors) }

    func methods(inBrowserMode isBrowserMode: Bool) -> Methods {
        isBrowserMode ? methods : methods.subtracting(browserMethods)
    }

    /// The value of `Allow`.
    func allowed(inBrowserMode isBrowserMode: Bool) -> String {
        (methods(inBrowserMode: isBrowserMode).named + [.options]).map(\.rawValue).joined(separator: ", ")
    }
}
