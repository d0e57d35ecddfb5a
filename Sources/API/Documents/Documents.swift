import Accounts
import Encoding
import HTTP
import JOSE
import Keys
import Service
import Tokens

/// A document with its entity tag. It is the same until the keys or the clients change.
struct CachedDocument {
    let body: [UInt8]
    let etag: [UInt8]
    /// The header fields of every answer, 304 included.
    let fields: [UInt8]
    let contentType: StaticString

    /// - Parameter maxAge: how many seconds a cache may keep it.
    init(_ body: [UInt8], contentType: StaticString, maxAge: Int64) {
        self.init(body, contentType: contentType, cacheControl: "public, max-age=\(maxAge)")
    }

    init(_ body: [UInt8], contentType: StaticString, cacheControl: String) {
        self.body = body
        self.contentType = contentType
        let tag = "\"\(String(CRC32C.checksum(body.span), radix: 16))-\(body.count)\""
        etag = Array(tag.utf8)
        let cached = "Cache-Control: \(cacheControl)\r\n"
        fields = Array("\(cached)Access-Control-Allow-Origin: *\r\nETag: \(tag)\r\n".utf8)
    }
}

/// The documents of one event loop.
struct Documents {
    private static let maxAge: Int64 = 300

    /// Nil until it is requested.
    private var openAPI: CachedDocument?
    private var metadata: CachedDocument
    private var jwks: CachedDocument
    private var keyring: Keyring
    private var clients: ClientDirectory
    private let keySetMaxAge: Int64

    init(_ context: LoopContext) {
        keyring = context.keyring
        clients = context.clients
        metadata = Self.metadata(of: context)
        keySetMaxAge = Int64(context.authState.settings.keySetMaxAge)
        jwks = Self.keySet(keyring, keySetMaxAge)
    }

    private mutating func apply(_ context: LoopContext) {
        guard keyring !== context.keyring || clients !== context.clients else { return }
        keyring = context.keyring
        clients = context.clients
        jwks = Self.keySet(keyring, keySetMaxAge)
        metadata = Self.metadata(of: context)
    }

    private static func metadata(of context: LoopContext) -> CachedDocument {
        CachedDocument(
            ServerMetadata.document(of: context), contentType: "Content-Type: application/json\r\n", maxAge: maxAge)
    }

    private static func keySet(_ keyring: Keyring, _ maxAge: Int64) -> CachedDocument {
        CachedDocument(keyring.jwks, contentType: "Content-Type: application/json\r\n", maxAge: maxAge)
    }

    enum Name: Sendable { case keySet, metadata, openAPI, clientModule }

    mutating func document(_ name: Name, _ context: LoopContext, _ shared: ApplicationShared) -> CachedDocument {
        switch name {
        case .openAPI:
            if let openAPI { return openAPI }
            let made = CachedDocument(
                shared.openAPI, contentType: "Content-Type: application/yaml\r\n", maxAge: Self.maxAge)
            openAPI = made
            return made
        case .clientModule: return ClientModule.document
        case .keySet:
            apply(context)
            return jwks
        case .metadata:
            apply(context)
            return metadata
        }
    }
}
