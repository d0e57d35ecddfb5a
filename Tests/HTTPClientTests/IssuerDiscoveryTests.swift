@testable import HTTPClient
import Testing

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
    func `looks first where the two specifications have it`(_ issuer: String, _ first: String, _ second: String) throws
    {
        #expect(try IssuerDiscovery(issuer: issuer).candidates.prefix(2).map(\.text) == [first, second])
    }

    @Test func `of an issuer with a path both documents may be in both places`() throws {
        let places = try IssuerDiscovery(issuer: "https://a.example/t").candidates.map(\.target)
        #expect(
            places == [
                "/.well-known/oauth-authorization-server/t", "/t/.well-known/openid-configuration",
                "/.well-known/openid-configuration/t", "/t/.well-known/oauth-authorization-server",
            ])
        #expect(try IssuerDiscovery(issuer: "https://a.example").candidates.count == 2)
    }

    @Test(arguments: [
        ("https://a.example/?x", FetchError.url("https://a.example/?x")), ("a.example", .url("a.example")),
        ("https://a.example/#x", .url("https://a.example/#x")), ("http://a.example", .insecure("http://a.example")),
    ])
    func `refuses an issuer that is none`(_ issuer: String, _ fault: FetchError) {
        #expect(throws: fault) { try IssuerDiscovery(issuer: issuer) }
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

    @Test(arguments: ["https://b.example", "https://a.example/", "https://A.example"])
    func `refuses another issuer's metadata and names both`(_ issuer: String) {
        let fault = DiscoveryError.otherIssuer(found: issuer, wanted: "https://a.example")
        #expect(throws: fault) { try address(#"{"issuer":"\#(issuer)","jwks_uri":"https://a.example/k"}"#) }
        #expect("\(fault)".contains("\"\(issuer)\"") && "\(fault)".contains("\"https://a.example\""))
    }

    @Test func `refuses metadata that leads nowhere, or off TLS`() {
        #expect(throws: DiscoveryError.malformed) { try address("[]") }
        #expect(throws: DiscoveryError.malformed) { try address(#"{"issuer":"https://a.example","issuer":"x"}"#) }
        #expect(throws: DiscoveryError.noIssuer) { try address(#"{"jwks_uri":"https://a.example/k"}"#) }
        #expect(throws: DiscoveryError.noKeys) { try address(#"{"issuer":"https://a.example"}"#) }
        #expect(throws: DiscoveryError.noKeys) { try address(#"{"issuer":"https://a.example","jwks_uri":7}"#) }
        for (uri, fault) in [
            ("http://127.0.0.1/k", FetchError.insecure("http://127.0.0.1/k")),
            ("http://b.example/k", .insecure("http://b.example/k")), ("file:///k", .url("file:///k")), ("k", .url("k")),
        ] {
            #expect(throws: DiscoveryError.address(fault)) {
                try address(#"{"issuer":"https://a.example","jwks_uri":"\#(uri)"}"#)
            }
        }
    }
}

@Suite("An issuer's name in a message")
struct IssuerNameTests {
    @Test func `is one line without anything that acts`() {
        let fault = DiscoveryError.otherIssuer(
            found: "a\n##[error]\u{1b}[31m", wanted: String(repeating: "x", count: 300))
        let text = "\(fault)"
        #expect(text.contains("\"a\\u{a}\\u{23}\\u{23}[error]\\u{1b}[31m\"") && text.utf8.count < 500)
        #expect(!text.contains("\n") && !text.contains("##"))
    }
}
