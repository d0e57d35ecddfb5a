import Accounts
import Encoding
import JOSE
import Keys
import Service

/// What the server says about itself, one document for OAuth clients and for verifiers (RFC 8414 §2, OpenID Connect
/// Discovery §3).
enum ServerMetadata {
    /// Passwords are for first-party clients only and are not listed as a grant (RFC 9700 §2.4).
    ///
    /// `response_types_supported` is REQUIRED and must not be empty (RFC 8414 §3.2). Without an authorization endpoint no
    /// response type can be asked for; `none` is the registered value for that.
    static func document(of context: LoopContext) -> [UInt8] {
        let issuer = context.authState.settings.issuer
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        let methods = ["client_secret_basic", "client_secret_post"]
        var writer = JSONWriter()
        writer.beginObject()
        func member(_ name: StaticString, _ value: String) {
            writer.name(name)
            writer.string(value)
        }
        func list(_ name: StaticString, _ values: [String]) {
            // A member without a value is left out (RFC 8414 §3.2).
            guard !values.isEmpty else { return }
            writer.name(name)
            writer.beginArray()
            for value in values { writer.string(value) }
            writer.endArray()
        }
        member("issuer", issuer)
        member("token_endpoint", base + "/token")
        member("jwks_uri", base + "/.well-known/jwks.json")
        list("response_types_supported", ["none"])
        list("subject_types_supported", ["public"])
        list("id_token_signing_alg_values_supported", publishedAlgorithms(context.keyring))
        list("scopes_supported", scopes(context.clients))
        list("grant_types_supported", GrantType.allCases.map(\.rawValue))
        list("token_endpoint_auth_methods_supported", methods + ["none"])
        member("revocation_endpoint", base + "/revoke")
        list("revocation_endpoint_auth_methods_supported", methods + ["none"])
        member("introspection_endpoint", base + "/introspect")
        list("introspection_endpoint_auth_methods_supported", methods)
        member("service_documentation", base + "/openapi.yaml")
        writer.endObject()
        return writer.bytes
    }

    /// The algorithms of the keys in the key set, each once.
    private static func publishedAlgorithms(_ keyring: Keyring) -> [String] {
        keyring.algorithms.filter { !$0.isMAC }.map(\.rawValue)
    }

    /// What registered clients may ask for, each once, in alphabetical order.
    private static func scopes(_ clients: ClientDirectory) -> [String] {
        Set(clients.clients.lazy.filter { !$0.isDisabled }.flatMap(\.scopes)).sorted()
    }
}
