package import HTTP

/// Describes one endpoint for the router, the pipeline, the metrics and the OpenAPI document.
///
/// Each route is declared in the file of its handler and is listed in ``RouteTable/standard``.
package struct Route: Sendable {
    /// Answers a request that has passed the pipeline. It must capture nothing, so that a call counts no references.
    typealias Handle =
        @Sendable (Application, borrowing Request, inout Response, borrowing Exchange, Call) throws(Problem)
        -> Disposition

    var endpoint: Endpoint
    /// The errors of this endpoint. ``ProblemCode/everywhere`` are those of every path.
    package let codes: [ProblemCode]
    /// One operation per method; HEAD and OPTIONS are described once, in the front matter of the document.
    package let operations: [Operation]
    let handle: Handle

    /// - Parameter browserMethods: those of `methods` that exist in browser mode only.
    init(
        _ path: StaticString, _ methods: Methods, inBrowserMode browserMethods: Methods = [],
        on listener: Request.Role = .service, access: AccessRule = .anyone,
        policies: RoutePolicies = [], content: Parameters.Form? = nil, codes: [ProblemCode] = [],
        operations: [Operation], handle: @escaping Handle
    ) {
        endpoint = Endpoint(
            path: path, methods: methods, browserMethods: browserMethods, listener: listener, access: access,
            policies: policies, content: content)
        self.codes = codes
        self.operations = operations
        self.handle = handle
    }

    package var path: StaticString { endpoint.path }

    package var listener: Request.Role { endpoint.listener }

    /// Nil for a route that accepts every method but TRACE and CONNECT.
    package var methods: [Method]? { endpoint.methods.isEvery ? nil : endpoint.methods.named }

    /// Whether errors also have `error` and `error_description`.
    package var isOAuth: Bool { endpoint.isOAuth }
}

extension Route: Equatable, CustomStringConvertible {
    /// A path belongs to one route.
    package static func == (one: Route, other: Route) -> Bool { one.description == other.description }

    package var description: String { "\(path)" }
}
