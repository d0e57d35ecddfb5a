@testable import HTTPClient
import Testing

@Suite("URLs that may be asked")
struct WebAddressTests {
    @Test(arguments: [
        ("https://issuer.example", "issuer.example", 443, "/", "issuer.example"),
        ("HTTPS://Issuer.Example:443/a/B?c=d", "issuer.example", 443, "/a/B?c=d", "issuer.example"),
        ("https://issuer.example:8443?x", "issuer.example", 8443, "/?x", "issuer.example:8443"),
        ("https://[2001:DB8::1]:8443/k", "2001:db8::1", 8443, "/k", "[2001:db8::1]:8443"),
        ("https://192.0.2.1/", "192.0.2.1", 443, "/", "192.0.2.1"),
        ("http://localhost:8080/jwks", "localhost", 8080, "/jwks", "localhost:8080"),
        ("http://127.0.0.9", "127.0.0.9", 80, "/", "127.0.0.9"), ("http://[::1]:9/", "::1", 9, "/", "[::1]:9"),
    ])
    func `takes apart`(_ text: String, _ host: String, _ port: UInt16, _ target: String, _ authority: String) throws {
        let address = try WebAddress(text)
        #expect(address.host == host && address.port == port && address.target == target)
        #expect(address.authority == authority && address.isSecure == text.lowercased().hasPrefix("https"))
    }

    @Test(arguments: [
        "", "issuer.example", "https:issuer", "https://", "https:///x", "ftp://a.example/", "file:///etc/passwd",
        "https://user@a.example/", "https://user:pw@a.example/", "https://a.example/#f", "https://a b.example/",
        "https://a.example/\\b", "https://a.example:0/", "https://a.example:65536/", "https://a.example:/",
        "https://a.example:+1/", "https://a..example/", "https://.a/", "https://127.1/", "https://0x7f.0.0.1/",
        "https://2130706433/", "https://1.2.3.04/", "https://[::1/", "https://::1/", "https://[::g]/",
        "https://[1.2.3.4]/",
        "https://a.example/\r\nX: y", "https://ä.example/", "https://a.example/\u{0}", "https://a%00.example/",
        "https://\(String(repeating: "a", count: 64)).example/",
        "https://a.example/\(String(repeating: "a", count: 2_048))",
    ])
    func `refuses`(_ text: String) {
        #expect { try WebAddress(text) } throws: { if case FetchError.url = $0 { true } else { false } }
    }

    @Test(arguments: [
        "http://a.example/", "http://192.0.2.1/", "http://127.0.0.1.example/", "http://[::2]/", "http://0.0.0.0/",
        "http://localhost.example/", "http://[::ffff:127.0.0.1]/",
    ])
    func `refuses to ask another machine in the clear`(_ text: String) {
        #expect { try WebAddress(text) } throws: { if case FetchError.insecure = $0 { true } else { false } }
    }

    @Test(arguments: [
        ("https://b.example/y", "https://b.example/y"), ("//b.example/y", "https://b.example/y"),
        ("/y?z#f", "https://a.example:8443/y?z"), ("https://b.example", "https://b.example/"),
    ])
    func `follows a redirect`(_ location: String, _ result: String) throws {
        let address = try WebAddress("https://a.example:8443/x")
        #expect(try address.redirected(to: location).text == result)
    }

    @Test(arguments: [
        ("http://b.example/", FetchError.insecure("http://b.example/")),
        ("http://127.0.0.1/", .insecure("http://127.0.0.1/")),
        ("http://localhost:1/", .insecure("http://localhost:1/")),
        ("ftp://b.example/", .url("ftp://b.example/")), ("file:///etc/passwd", .url("file:///etc/passwd")),
        ("javascript:x", .url("javascript:x")), ("/a b", .url("/a b")), ("/a\u{7F}", .url("/a?")), ("a b", .url("a b")),
        ("//", .url("https://")),
    ])
    func `follows no redirect off TLS, to another scheme, or to what is no address`(
        _ location: String, _ fault: FetchError
    ) throws {
        let address = try WebAddress("https://a.example/x")
        #expect(throws: fault) { try address.redirected(to: location) }
    }

    /// RFC 3986 §5.4, as far as the references name another target and no fragment.
    @Test(arguments: [
        ("g", "/b/c/g"), ("./g", "/b/c/g"), ("g/", "/b/c/g/"), ("/g", "/g"), ("?y", "/b/c/d;p?y"), ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q"), ("g#s", "/b/c/g"), (";x", "/b/c/;x"), ("g;x", "/b/c/g;x"), ("", "/b/c/d;p?q"),
        (".", "/b/c/"), ("./", "/b/c/"), ("..", "/b/"), ("../", "/b/"), ("../g", "/b/g"), ("../..", "/"),
        ("../../", "/"),
        ("../../g", "/g"), ("../../../g", "/g"), ("../../../../g", "/g"), ("/./g", "/g"), ("/../g", "/g"),
        ("g.", "/b/c/g."),
        (".g", "/b/c/.g"), ("g..", "/b/c/g.."), ("..g", "/b/c/..g"), ("./../g", "/b/g"), ("./g/.", "/b/c/g/"),
        ("g/./h", "/b/c/g/h"), ("g/../h", "/b/c/h"), ("g;x=1/./y", "/b/c/g;x=1/y"), ("g;x=1/../y", "/b/c/y"),
        ("g?y/./x", "/b/c/g?y/./x"), ("g?y/../x", "/b/c/g?y/../x"),
    ])
    func `resolves a reference`(_ reference: String, _ target: String) throws {
        let base = try WebAddress("https://a.example/b/c/d;p?q")
        #expect(try base.redirected(to: reference).text == "https://a.example" + target)
    }

    @Test func `a redirect may lead onto TLS`() throws {
        #expect(try WebAddress("http://localhost/").redirected(to: "https://a.example/").isSecure)
    }

    @Test func `a fault shows nothing that acts on a terminal`() {
        #expect { try WebAddress("x\u{1B}[2J\n") } throws: { "\($0)".allSatisfy { !$0.isNewline && $0 != "\u{1B}" } }
    }
}
