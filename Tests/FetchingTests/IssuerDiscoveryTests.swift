import Testing

@testable import Fetching

@Suite("Discovery of an issuer's keys, RFC 8414 §3")
struct IssuerDiscoveryTests {
    @Test(arguments: [
        (
            "https://a.example", "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration"
        ),
        (
            "https://a.example/", "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration"
        ),
        (
            "https://a.example:8/t/1", "https://a.example:8/.well-known/oauth-authorization-server/t/1",
            "https://a.example:8/t/1/.well-known/openid-configuration"
        ),
        (
            "https://a.example/t/", "https://a.example/.well-known/oauth-authorization-server/t",
            "https://a.example/t/.well-known/openid-configuration"
        ),
    ])
    func `looks in two places`(_ issuer: String, _ first: String, _ second: String) throws {
        #expect(try IssuerDiscovery(issuer: issuer).candidates.map(\.text) == [first, second])
    }

    @Test(arguments: ["https://a.example/?x", "http://a.example", "a.example", "https://a.example/#x"])
    func `refuses an issuer that is none`(_ issuer: String) {
        #expect(throws: FetchFault.self) { try IssuerDiscovery(issuer: issuer) }
    }

    private func address(_ metadata: String, issuer: String = "https://a.example") throws -> String {
        try IssuerDiscovery(issuer: issuer).keySetAddress(in: Array(metadata.utf8)).text
    }

    @Test func `takes the address of the keys from the issuer's own metadata`() throws {
        let metadata = #"{"issuer":"https:\/\/a.example","jwks_uri":"https://keys.example/k","x":[1,{"y":2}]}"#
        #expect(try address(metadata) == "https://keys.example/k")
        let local = #"{"issuer":"http://localhost:1","jwks_uri":"http://127.0.0.1:1/k"}"#
        #expect(try address(local, issuer: "http://localhost:1") == "http://127.0.0.1:1/k")
    }

    @Test(arguments: [
        ("https://b.example", DiscoveryFault.otherIssuer), ("https://a.example/", .otherIssuer),
        ("https://A.example", .otherIssuer),
    ])
    func `refuses another issuer's metadata`(_ issuer: String, _ fault: DiscoveryFault) {
        #expect(throws: fault) { try address(#"{"issuer":"\#(issuer)","jwks_uri":"https://a.example/k"}"#) }
    }

    @Test func `refuses metadata that leads nowhere, or off TLS`() {
        #expect(throws: DiscoveryFault.malformed) { try address("[]") }
        #expect(throws: DiscoveryFault.malformed) { try address(#"{"issuer":"https://a.example","issuer":"x"}"#) }
        #expect(throws: DiscoveryFault.otherIssuer) { try address(#"{"jwks_uri":"https://a.example/k"}"#) }
        #expect(throws: DiscoveryFault.noKeys) { try address(#"{"issuer":"https://a.example"}"#) }
        #expect(throws: DiscoveryFault.noKeys) { try address(#"{"issuer":"https://a.example","jwks_uri":7}"#) }
        for uri in ["http://127.0.0.1/k", "http://b.example/k", "file:///k", "k"] {
            #expect(throws: DiscoveryFault.self) {
                try address(#"{"issuer":"https://a.example","jwks_uri":"\#(uri)"}"#)
            }
        }
    }
}
