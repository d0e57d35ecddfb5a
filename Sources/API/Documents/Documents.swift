import Encoding
import HTTP
import JOSE
import Keys
import Service
import Tokens

/// A document with its entity tag. It is the same until the keys change.
struct CachedDocument {
    let body: [UInt8]
    let etag: [UInt8]
    /// The header fields of every answer, 304 included.
    let fields: [UInt8]
    let contentType: StaticString

    /// - Parameter maxAge: how many seconds a cache may keep it.
    init(_ body: [UInt8], contentType: StaticString, maxAge: Int64) {
        self.body = body
        self.contentType = contentType
        let tag = "\"\(String(CRC32C.checksum(body.span), radix: 16))-\(body.count)\""
        etag = Array(tag.utf8)
        let cached = "Cache-Control: public, max-age=\(maxAge)\r\n"
        fields = Array("\(cached)Access-Control-Allow-Origin: *\r\nETag: \(tag)\r\n".utf8)
    }
}

/// The documents of one event loop.
struct Documents {
    private static let maxAge: Int64 = 300

    private let openAPI: CachedDocument
    private let metadata: CachedDocument
    private var jwks: CachedDocument
    private var keyring: Keyring
    private let keySetMaxAge: Int64

    init(shared: ApplicationShared, context: LoopContext) {
        openAPI = CachedDocument(shared.openAPI, contentType: "Content-Type: application/yaml\r\n", maxAge: Self.maxAge)
        metadata = CachedDocument(
            Self.metadata(of: context.authState), contentType: "Content-Type: application/json\r\n", maxAge: Self.maxAge
        )
        keyring = context.keyring
        keySetMaxAge = Int64(context.authState.settings.keySetMaxAge)
        jwks = Self.keySet(keyring, keySetMaxAge)
    }

    private mutating func apply(_ newest: Keyring) {
        guard keyring !== newest else { return }
        keyring = newest
        jwks = Self.keySet(keyring, keySetMaxAge)
    }

    private static func keySet(_ keyring: Keyring, _ maxAge: Int64) -> CachedDocument {
        CachedDocument(keyring.jwks, contentType: "Content-Type: application/json\r\n", maxAge: maxAge)
    }

    enum Name: Sendable { case keySet, metadata, openAPI }

    mutating func document(_ name: Name, _ context: LoopContext) -> CachedDocument {
        switch name {
        case .openAPI: return openAPI
        case .metadata: return metadata
        case .keySet:
            apply(context.keyring)
            return jwks
        }
    }

    /// RFC 8414 §2. Passwords are for first-party clients only and are not listed as a grant (RFC 9700 §2.4).
    ///
    /// `response_types_supported` is REQUIRED there and must not be empty (§3.2). Without an authorization endpoint no response
    /// type can be asked for; `none` is the registered value for that.
    private static func metadata(of authState: AuthState) -> [UInt8] {
        let issuer = authState.settings.issuer
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        let methods = ["client_secret_basic", "client_secret_post"]
        var writer = JSONWriter()
        writer.beginObject()
        func member(_ name: StaticString, _ value: String) {
            writer.name(name)
            writer.string(value)
        }
        func list(_ name: StaticString, _ values: [String]) {
            writer.name(name)
            writer.beginArray()
            for value in values { writer.string(value) }
            writer.endArray()
        }
        member("issuer", issuer)
        member("token_endpoint", base + "/token")
        member("jwks_uri", base + "/.well-known/jwks.json")
        list("response_types_supported", ["none"])
        list("grant_types_supported", Grant.table.map(\.type))
        list("token_endpoint_auth_methods_supported", methods + ["none"])
        member("revocation_endpoint", base + "/revoke")
        list("revocation_endpoint_auth_methods_supported", methods + ["none"])
        member("introspection_endpoint", base + "/introspect")
        list("introspection_endpoint_auth_methods_supported", methods)
        member("service_documentation", base + "/openapi.yaml")
        writer.endObject()
        return writer.bytes
    }
}

extension Application {
    /// The JWK Set, the metadata and the OpenAPI document: cacheable, with an entity tag, readable from any origin.
    func document(_ name: Documents.Name, _ request: borrowing Request, _ response: inout Response) {
        let document = documents.document(name, context)
        response.addLines(document.fields)
        if let value = request.field("if-none-match"), Self.matches(request.text(value), document.etag) {
            response.status = 304
            return
        }
        response.addLines(document.contentType)
        response.body.append(contentsOf: document.body)
    }

    /// RFC 9110 §13.1.2, weak comparison.
    private static func matches(_ field: String, _ etag: [UInt8]) -> Bool {
        let wanted = String(decoding: etag, as: UTF8.self)
        return field.split(separator: ",").map { $0.trimmed }.contains { tag in
            tag == "*" || tag == wanted || tag == "W/" + wanted
        }
    }
}
