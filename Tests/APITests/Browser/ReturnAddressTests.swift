import Testing

@testable import API

@Suite("Return addresses, K11")
struct ReturnAddressTests {
    private static let origins = ["https://auth.example", "https://app.example", "http://localhost:3000"]

    private func address(_ text: String, publicPath: String = "/martlet") -> ReturnAddress? {
        ReturnAddress(text, origins: Self.origins, publicPath: publicPath)
    }

    @Test(arguments: [
        ("/", nil), ("/page", nil), ("/a/b?c=d&e=%20f#g", nil), ("/?", nil), ("/#", nil), ("/a/", nil),
        ("/@alice", nil), ("/a:b", nil), ("/%C3%A4/%E2%82%AC", nil), ("/a%2Fb", nil), ("/.well-known/x", nil),
        ("/...", nil), ("/search?u=https%3A%2F%2Fx.example%2F", nil), ("/search?u=https://x.example//", nil),
        ("/a?b=c@d", nil), ("/100%", nil), ("/a|b^{c}`'", nil), ("/refresh", nil), ("/martlet/account", nil),
        ("https://app.example", "https://app.example"), ("https://app.example/", "https://app.example"),
        ("https://app.example/a?b#c", "https://app.example"), ("https://app.example?a", "https://app.example"),
        ("https://app.example#a", "https://app.example"), ("http://localhost:3000/x", "http://localhost:3000"),
        ("https://auth.example/x@y", "https://auth.example"),
    ])
    func `accepts a path, and a URL of an origin in the list`(_ text: String, _ origin: String?) {
        #expect(address(text)?.text == text && address(text)?.origin == origin)
    }

    @Test(arguments: [
        // No path of this site, and no origin of the list.
        "", "page", "evil.example", "?x", "#x", ".", "..", "./a", "../a", "javascript:alert(1)", "JavaScript://a",
        "data:text/html,x", "https://evil.example/", "https:/evil.example", "https:evil.example", "http://app.example/",
        "https:app.example", "https:///app.example", "HTTPS://app.example/", "https://APP.example/",
        "ftp://app.example/",
        // Another host that begins like one of the list, user information, and ports.
        "https://app.example.evil.example/", "https://app.example@evil.example/", "https://app.example:443/",
        "https://app.example:80@evil.example/", "https://app.example:x", "https://app.example%2eevil.example/",
        "https://app.example%40evil.example/", "https://user@app.example/", "https://user:pw@app.example/",
        "https://app.example\\@evil.example/", "https://app.example&@evil.example", "https://app.example;.evil.example",
        "https://app.exampl\u{435}/", "https://\u{430}pp.example/", "https://app.example\u{2f0}evil.example",
        "http://localhost:30001/", "http://localhost:3000.evil.example/", "http://localhost/", "null",
        // A path that begins with an authority, in all encodings.
        "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\/evil.example",
        "\\\\evil.example",
        "/%2fevil.example", "/%2Fevil.example", "/%5cevil.example", "/%5Cevil.example", "/%252fevil.example",
        "/%255cevil.example", "/%25252fevil.example", "/%2525252525252fevil.example", "/a//b", "/a/%2f/b",
        "/a%2f%2fb", "%2f%2fevil.example", "%2fevil.example", "https://app.example//evil.example",
        "https://app.example/%2fevil.example", "https://app.example\\evil.example", "/.//evil.example",
        "/..//evil.example", "/./evil", "/../evil", "/a/..", "/a/.", "/%2e/evil", "/%2e%2e/evil", "/.%2e/evil",
        "/%252e%252e/evil",
        // Controls, spaces, and what ends an attribute.
        "/\u{9}/evil.example", "/\t/evil.example", "/a\r\nSet-Cookie: x=1", "/a\nb", "/\0", "/a b", " /a", "/a ",
        "\t/a",
        "/%0d%0aSet-Cookie:%20x=1", "/%0A", "/%00", "/%09/evil.example", "/%7f", "/%250a", "/a?b=%0d%0aLocation:x",
        "/a?b=%250d%250ax", "/a#%00", "/a?%2525252500", "/\u{a0}", "/\u{2028}", "/\u{202e}", "/\u{ff0f}evil.example",
        "/\u{2215}evil.example", "/\u{ad}/evil.example", "/\"onload=x", "/<script>", "/a>b", "/\u{7f}", "/\u{80}",
        // Addresses that lead back here.
        "/martlet/refresh", "/martlet/refresh?return=/", "/martlet/signin", "/martlet/signin#x", "/martlet/%72efresh",
        "/martlet/%2572efresh", "https://app.example/martlet/refresh", "/%6dartlet/signin?return=//evil.example",
    ])
    func `ignores everything else`(_ text: String) {
        #expect(address(text) == nil)
    }

    @Test func `2,047 bytes are accepted, and one more is not`() {
        let longest = "/" + String(repeating: "a", count: 2_046)
        #expect(address(longest) != nil && address(longest + "a") == nil)
        #expect(address("https://app.example/" + String(repeating: "a", count: 2_028)) == nil)
    }

    @Test func `without a public path, /refresh and /signin of the root lead back here`() {
        #expect(address("/refresh", publicPath: "") == nil && address("/signin?x", publicPath: "") == nil)
        #expect(address("/martlet/refresh", publicPath: "") != nil)
    }

    @Test func `whatever is not accepted becomes the configured page`() {
        let plain = World.browser { _ in }
        #expect(plain.returnAddress(nil).text == "/" && plain.returnAddress("//evil.example").text == "/")
        let home = World.browser {
            $0.afterSignIn = ReturnAddress("/home", origins: $0.origins, publicPath: $0.publicPath)
        }
        #expect(home.returnAddress(nil).text == "/home" && home.returnAddress("/\\evil.example").text == "/home")
        #expect(home.returnAddress("/page").text == "/page")
    }
}
