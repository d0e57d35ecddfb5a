import HTTP
import Octets
import Service
import Token

extension Application {
    /// `POST /introspect` (RFC 7662), for authenticated clients only.
    func introspect(_ request: borrowing Request, _ response: inout Response, _ call: Call) throws(Problem) {
        let parameters = try Parameters(request, .form, &json)
        guard let client = try client(request, parameters) else {
            throw Problem(.clientInvalid, "Introspection needs client authentication.")
        }
        let token = try parameters.required("token")
        response.addLines("Content-Type: application/json\r\nCache-Control: no-store\r\n")
        switch desk.introspect(token.span, for: client, at: call.now) {
        case .inactive:
            response.body.append("{\"active\":false}")
        case .access(let username):
            response.body.append("{\"active\":true,\"token_type\":\"Bearer\"")
            append(username, to: &response.body)
            let claims = desk.payload.dropFirst()
            response.body.append(",")
            response.body.append(contentsOf: claims)
        case .refresh(let claims, let username):
            response.body.append("{\"active\":true")
            append(username, to: &response.body)
            var writer = JSONWriter()
            writer.beginObject()
            writer.name("iss")
            writer.string(desk.realm.settings.issuer)
            writer.name("sub")
            writer.string(claims.subject)
            writer.name("aud")
            writer.string(desk.realm.settings.issuer)
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
            response.body.append(",")
            response.body.append(contentsOf: writer.bytes.dropFirst())
        }
    }

    private func append(_ username: String?, to body: inout [UInt8]) {
        guard let username else { return }
        var writer = JSONWriter()
        writer.string(username)
        body.append(",\"username\":")
        body.append(contentsOf: writer.bytes)
    }
}
