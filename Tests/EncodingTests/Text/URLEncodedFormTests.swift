import Encoding
import Testing

@Suite("Forms and queries (I5)")
struct URLEncodedFormTests {
    private func form(_ text: String) throws -> URLEncodedForm {
        let bytes = Array(text.utf8)
        return try URLEncodedForm(bytes.span)
    }

    @Test(arguments: [
        ("a=b", "b"), ("a=b%20c", "b c"), ("a=b+c", "b c"), ("a=%2B", "+"), ("a=b=c", "b=c"), ("x=1&a=2", "2"),
        ("%61=%C3%a9", "\u{e9}"), ("&&a=b&", "b"), ("a=%26%3d", "&="), ("a=\u{e9}", "\u{e9}"), ("a=%00", "\u{0}"),
    ])
    func `decodes names and values`(_ text: String, _ value: String) throws {
        #expect(try form(text).value("a") == .one(value))
    }

    @Test(arguments: ["", "&", "b=a", "A=1", "=a"])
    func `knows what is absent`(_ text: String) throws {
        #expect(try form(text).value("a") == .absent)
    }

    @Test(arguments: ["a=1&a=2", "a=1&a=1", "a=1&%61=2", "a&a", "a=1&b=2&a="])
    func `keeps what is repeated, so that it can be refused`(_ text: String) throws {
        #expect(try form(text).value("a") == .repeated)
    }

    @Test func `keeps the pairs in order`() throws {
        let pairs = try form("b=1&a=2&b=3&c&=d").pairs
        #expect(pairs.map(\.name) == ["b", "a", "b", "c", ""])
        #expect(pairs.map(\.value) == ["1", "2", "3", "", "d"])
    }

    @Test(arguments: [
        "a=%", "a=%4", "a=%4&b=1", "a=%zz", "%=a", "a=%f", "a=%+1", "a=%ff", "a=%c3", "%c3%28=a", "a=%ed%a0%80",
    ])
    func `refuses broken escapes and what is not UTF-8`(_ text: String) {
        #expect(throws: FormError.malformed) { try form(text) }
    }

    @Test func `holds to 256 pairs`() throws {
        let pairs = (0..<256).map { "a\($0)=1" }.joined(separator: "&")
        #expect(try form(pairs).pairs.count == 256)
        #expect(throws: FormError.tooManyPairs) { try form(pairs + "&b=1") }
        #expect(throws: FormError.tooManyPairs) { try form(String(repeating: "a=1&", count: 100_000)) }
    }
}
