import Testing

@Suite("An issuer with a path, RFC 8414 §3")
struct IssuerPathTests {
    @Test(arguments: [
        ("https://auth.example/tenant/a", "/.well-known/oauth-authorization-server/tenant/a", 200),
        ("https://auth.example/tenant/a/", "/.well-known/oauth-authorization-server/tenant/a", 200),
        ("https://auth.example/tenant/a", "/tenant/a/.well-known/oauth-authorization-server", 200),
        ("https://auth.example/tenant/a", "/.well-known/openid-configuration/tenant/a", 200),
        ("https://auth.example/tenant/a", "/tenant/a/.well-known/openid-configuration", 200),
        ("https://auth.example/tenant/a", "/.well-known/openid-configuration/tenant/b", 404),
        ("https://auth.example/tenant/a", "/tenant/a/.well-known/jwks.json", 200),
        ("https://auth.example/tenant/a", "/.well-known/jwks.json", 200),
        ("https://auth.example/tenant/a", "/.well-known/oauth-authorization-server/tenant/b", 404),
        ("https://auth.example/tenant/a", "/tenant/b/.well-known/jwks.json", 404),
        ("https://auth.example/tenant/a", "/tenant/a.well-known/jwks.json", 404),
        ("https://auth.example/tenant/a", "/tenant/a/livez", 404), ("https://auth.example", "//healthz", 404),
        ("https://auth.example/", "/.well-known/oauth-authorization-server", 200),
    ])
    func `answers below its path, and has its metadata where the RFC puts them`(
        _ issuer: String, _ path: String, _ status: UInt16
    ) throws {
        let world = try World { $0.issuer = issuer }
        #expect(world.send(Ask("GET", path)).status == status)
    }
}
