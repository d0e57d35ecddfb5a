import Pages
import Testing

@Suite("The HTML writer")
struct HTMLWriterTests {
    private func written(_ write: (inout HTMLWriter) -> Void) -> String {
        var writer = HTMLWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static let texts: [(text: String, escaped: String)] = [
        ("plain", "plain"), ("<script>", "&lt;script&gt;"), ("&amp;", "&amp;amp;"), ("\"'", "&quot;&#39;"),
        ("a\u{0}b\u{1b}c\u{7f}d\u{85}e", "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e"), ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb", "a&#13;\nb"), ("]]>--!>", "]]&gt;--!&gt;"), ("ü 😀 \u{202e}", "ü 😀 \u{202e}"), ("", ""),
    ]

    @Test(arguments: texts)
    func `escapes text and attribute values alike`(_ text: String, _ escaped: String) {
        #expect(written { $0.element(.p, text: text) } == "<!doctype html>\n<p>\(escaped)</p>")
        #expect(
            written { $0.element(.input, [.set(.value, text)]) } == "<!doctype html>\n<input value=\"\(escaped)\">")
    }

    @Test func `nests elements, and writes flags without a value`() {
        let text = written { writer in
            writer.element(
                .form, [.set(.method, "post"), .link(.action, PagePath(under: "/m", "/signin")), .flag(.novalidate)]
            ) {
                $0.element(.button, text: "go")
            }
        }
        #expect(
            text == "<!doctype html>\n<form method=\"post\" action=\"/m/signin\" novalidate><button>go</button></form>")
    }

    @Test func `has no element and no attribute whose content is code`() {
        let tags = HTMLVoidTag.allCases.map(\.rawValue)
        #expect(tags == ["meta", "link", "input"])
        for tag in ["script", "style", "iframe", "object", "svg", "base"] { #expect(HTMLTag(rawValue: tag) == nil) }
        for name in HTMLAttribute.Name.allCases {
            #expect(!name.rawValue.hasPrefix("on") && !["style", "href", "src", "action"].contains(name.rawValue))
        }
    }

    @Test(arguments: [
        ("/a?b=c", "/account?return=/a%3Fb%3Dc"), ("javascript:alert(1)", "/account?return=javascript%3Aalert%281%29"),
        ("\" x='", "/account?return=%22%20x%3D%27"), ("ü", "/account?return=%C3%BC"),
    ])
    func `an address is a path of the service, and its query is encoded`(_ value: String, _ path: String) {
        #expect(PagePath(under: "", "/account", query: [("return", value)]).text == path)
        #expect(PagePath(under: "/martlet", "/account", query: [("return", value)]).text == "/martlet" + path)
    }
}
