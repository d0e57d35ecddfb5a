import HTTP

/// All routes of a service.
///
/// Their order is that of the lists which people read: the OpenAPI document and the metrics. It never decides which route
/// a path belongs to, since no two routes match the same path. A request finds an early route a little sooner.
package struct RouteTable: Sendable {
    package static let standard = RouteTable([
        .verify, .auth, .login, .refresh, .token, .logout, .revoke, .introspect,
        .jwks, .metadata, .openAPI, .healthz,
        .livez, .readyz, .metrics, .adminRevocations, .adminStatus,
    ])

    package let routes: [Route]
    /// In the order of ``routes``, apart from them so that a search counts no references.
    private let endpoints: [Endpoint]
    private let patterns: [(row: Int, pattern: PathPattern)]

    /// The table is part of the program, so a mistake in it stops the program at once.
    init(_ routes: [Route]) {
        if let mistake = Self.mistake(in: routes) { preconditionFailure("\(mistake)") }
        var numbered = routes
        for row in numbered.indices { numbered[row].endpoint.row = row }
        self.routes = numbered
        endpoints = numbered.map(\.endpoint)
        patterns = numbered.enumerated().compactMap { row, route in PathPattern(route.path).map { (row, $0) } }
    }

    struct Match {
        let endpoint: Endpoint
        /// Nil for a fixed path.
        var parameters: PathParameters?
    }

    /// The endpoint of a path, if the listener of the request serves it. Fixed paths come before patterns.
    ///
    /// - Parameter path: where the path is in the request, or what is left of it after the path of the issuer.
    func match(_ request: borrowing Request, _ path: Range<Int>) -> Match? {
        for row in endpoints.indices where request.isEqual(path, endpoints[row].path) {
            let endpoint = endpoints[row]
            return endpoint.listener == request.role ? Match(endpoint: endpoint) : nil
        }
        for (row, pattern) in patterns where endpoints[row].listener == request.role {
            guard let parameters = pattern.match(request.bytes[path]) else { continue }
            return Match(endpoint: endpoints[row], parameters: parameters)
        }
        return nil
    }

    /// The endpoint whose path `path` continues with the path of the issuer (RFC 8414 §3).
    func match(_ path: ArraySlice<UInt8>, withSuffix issuerPath: [UInt8]) -> Match? {
        for endpoint in endpoints where endpoint.policies.contains(.issuerSuffix) {
            if path.elementsEqual("\(endpoint.path)".utf8 + issuerPath) { return Match(endpoint: endpoint) }
        }
        return nil
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
        guard route.codes.contains(.unsupportedMediaType) == (endpoint.content != nil) else {
            return "unsupported_media_type goes with content"
        }
        guard endpoint.access != .operatorSocket || route.codes.contains(.notFound) else {
            return "an endpoint of the operator's socket answers not_found over TCP"
        }
        guard endpoint.access != .client || route.codes.contains(.clientInvalid) else {
            return "an endpoint for clients answers client_invalid"
        }
        guard endpoint.access != .bearer || route.codes.contains(.tokenMissing) else {
            return "an endpoint for bearers of a token answers token_missing"
        }
        return nil
    }
}
