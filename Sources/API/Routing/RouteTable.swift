import HTTP

/// All routes of a service.
///
/// Their order is that of the OpenAPI document and of the metrics. It never decides which route
/// a path belongs to, since no two routes match the same path. A request finds an early route a little sooner.
package struct RouteTable: Sendable {
    package static let standard = RouteTable([
        .verify, .auth, .verifyBatch, .login, .refresh, .token, .logout, .session, .sessionData, .sessions,
        .listedSession,
        .password, .revoke, .introspect, .revocations, .snapshot, .signIn, .signOut, .account, .changePassword,
        .styleSheet,
        .jwks, .metadata, .openIDConfiguration, .openAPI, .clientModule, .healthz,
        .livez, .readyz, .metrics, .adminRevocations, .adminStatus,
    ])

    package let routes: [Route]
    /// In the order of ``routes``.
    package let endpoints: EndpointTable

    /// A mistake in the table is a mistake in the program and stops it at once.
    init(_ routes: [Route]) {
        if let mistake = Self.mistake(in: routes) { preconditionFailure("\(mistake)") }
        var numbered = routes
        for row in numbered.indices { numbered[row].endpoint.row = row }
        self.routes = numbered
        endpoints = EndpointTable(numbered.map(\.endpoint))
    }

    /// The first thing that is wrong with these routes, as text for a developer.
    static func mistake(in routes: [Route]) -> String? {
        for (row, route) in routes.enumerated() {
            let path = "\(route.path)"
            if let mistake = mistake(in: route) { return "\(path): \(mistake)" }
            for other in routes[..<row] {
                if route == other { return "\(path): another route has this path" }
                guard let one = PathPattern(route.path), let two = PathPattern(other.path) else { continue }
                if one.overlaps(two) { return "\(path): some paths also match \(other.path)" }
            }
        }
        return nil
    }

    private static func mistake(in route: Route) -> String? {
        let endpoint = route.endpoint
        let path = "\(route.path)"
        guard path.hasPrefix("/"), path == "/" || !path.hasSuffix("/") else { return "not the path of an endpoint" }
        let names = PathPattern(route.path)?.names ?? []
        guard Set(names).count == names.count, !names.contains("") else { return "parameters need different names" }
        guard endpoint.methods.contains(.get) == endpoint.methods.contains(.head) else {
            return "GET and HEAD go together"
        }
        let documented = route.operations.map(\.method)
        guard documented == endpoint.methods.named.filter({ $0 != .head }) else { return "one operation per method" }
        // The errors of a page are pages, and the operations describe them.
        guard endpoint.access == .page || route.codes.contains(.unsupportedMediaType) == (endpoint.content != nil)
        else {
            return "unsupported_media_type goes with content"
        }
        guard endpoint.access != .operatorSocket || route.codes.contains(.notFound) else {
            return "an endpoint of the operator's socket answers not_found over TCP"
        }
        guard endpoint.access != .client || route.codes.contains(.clientInvalid) else {
            return "an endpoint for clients answers client_invalid"
        }
        guard endpoint.access != .page || route.codes.isEmpty else { return "a page has no problem codes" }
        guard ![.bearer, .browser].contains(endpoint.access) || route.codes.contains(.tokenMissing) else {
            return "an endpoint for bearers of a token answers token_missing"
        }
        return nil
    }
}
