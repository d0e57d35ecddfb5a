import Accounts
import HTTP
import JOSE
import Keys
import Service
import Tokens

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
