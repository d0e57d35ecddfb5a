import HTTP

/// The endpoints of all routes, where a request finds its own. They are apart from the handlers, so that a search counts
/// no references.
package struct EndpointTable: Sendable {
    private let endpoints: [Endpoint]
    private let patterns: [(row: Int, pattern: PathPattern)]

    /// - Parameter endpoints: numbered by row, in the order of the routes.
    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        patterns = endpoints.enumerated().compactMap { row, endpoint in PathPattern(endpoint.path).map { (row, $0) } }
    }

    var count: Int { endpoints.count }
    var paths: [String] { endpoints.map { "\($0.path)" } }

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
}
