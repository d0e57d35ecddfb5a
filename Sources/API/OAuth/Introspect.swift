import Encoding
import HTTP
import Service
import Tokens

extension Application {
    /// `POST /introspect` (RFC 7662), for authenticated clients only.
    func introspect(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let parameters = try Parameters(request, .form, &json)
        guard let client = try client(request, parameters) else {
            throw Problem(.clientInvalid, "Introspection needs client authentication.")
        }
        let token = try parameters.required("token")
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        switch context.introspect(token.span, for: client, at: call.now) {
        case .inactive:
            response.body.append("{\"active\":false}")
        case .access(let username):
            var writer = JSONWriter()
            begin(username, &writer)
            writer.name("token_type")
            writer.string("Bearer")
            context.writeClaims(to: &writer) { !Self.isOurs($0) }
            writer.endObject()
            response.body.append(contentsOf: writer.bytes)
        case .refresh(let claims, let username):
            var writer = JSONWriter()
            begin(username, &writer)
            writer.name("iss")
            writer.string(context.authState.settings.issuer)
            writer.name("sub")
            writer.string(claims.subject)
            writer.name("aud")
            writer.string(context.authState.settings.issuer)
            writer.name("client_id")
            writer.string(claims.clientID)
            writer.name("scope")
            writer.string(claims.scope)
            writer.name("sid")
            writer.string(claims.sid.description)
            writer.name("iat")
            writer.integer(claims.issuedAt)
            writer.name("exp")
            writer.integer(claims.expiresAt)
            writer.endObject()
            response.body.append(contentsOf: writer.bytes)
        }
    }

    private func begin(_ username: String?, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("active")
        writer.bool(true)
        guard let username else { return }
        writer.name("username")
        writer.string(username)
    }

    /// Whether a claim has the name of a member that this server writes itself, and so is left out. Case does not count:
    /// some parsers, such as Go's, read `Active` as `active`.
    private static func isOurs(_ claim: String) -> Bool {
        ["active", "username", "token_type"].contains(claim.uppercased().lowercased())
    }
}
