import HTTP

/// Finds the endpoint of a request, also below the path of the issuer.
struct Router {
    private let table: EndpointTable
    /// Without a slash at its end; empty for an issuer without a path.
    private let issuerPath: [UInt8]

    init(_ table: EndpointTable, issuer: String) {
        self.table = table
        issuerPath = Self.path(of: issuer)
    }

    func match(_ request: borrowing Request) -> EndpointTable.Match? {
        if let found = table.match(request, request.path) { return found }
        guard !issuerPath.isEmpty, request.role == .service else { return nil }
        // The metadata place every endpoint below the path of the issuer. A proxy may remove that path or keep it.
        let path = request.bytes[request.path]
        if path.starts(with: issuerPath) {
            return table.match(request, (request.path.lowerBound + issuerPath.count)..<request.path.upperBound)
        }
        return table.match(path, withSuffix: issuerPath)
    }

    private static func path(of issuer: String) -> [UInt8] {
        guard let scheme = issuer.firstRange(of: "://"),
            let slash = issuer[scheme.upperBound...].firstIndex(of: "/")
        else { return [] }
        var path = issuer[slash...]
        while path.hasSuffix("/") { path.removeLast() }
        return Array(path.utf8)
    }
}
