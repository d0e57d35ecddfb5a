import HTTP
import Testing

@Suite("Cookie field, RFC 6265bis §4.2.1")
struct CookieFieldTests {
    private static let names = ["a", "ab"].map { Array($0.utf8) }

    private func request(_ values: [String]) -> Request {
        var bytes = Array("cookie".utf8)
        var fields: [Request.Field] = []
        for value in values {
            let start = bytes.count
            bytes += Array(value.utf8)
            fields.append(.init(name: 0..<6, value: start..<bytes.count))
        }
        var request = Request(byteCount: 0)
        request.bytes = bytes
        request.fields = fields
        return request
    }

    /// The values of `a` and `ab` as text: `-` if absent, `*` if repeated, `!` if malformed, `?` if unread.
    private func read(_ values: String...) -> [String] {
        let request = request(values)
        return CookieField.values(of: Self.names, in: request).map { value in
            switch value {
            case .absent: "-"
            case .repeated: "*"
            case .malformed: "!"
            case .unread: "?"
            case .one(let range): request.text(range)
            }
        }
    }

    @Test(arguments: [
        ("", ["-", "-"]), ("a=1", ["1", "-"]), ("ab=2; a=1", ["1", "2"]), ("a=1;ab=2", ["1", "2"]),
        ("x=1; a=1=2=", ["1=2=", "-"]), ("A=1; aB=2", ["-", "-"]), (";;; ;", ["-", "-"]), (";a=1;", ["1", "-"]),
        ("\ta=1", ["1", "-"]), ("a =1", ["-", "-"]), ("=a; =; a", ["!", "-"]), ("abc=1; b=2", ["-", "-"]),
        ("$Version=1; a=1; $Path=/", ["1", "-"]),
    ])
    func `finds the names and nothing else`(_ field: String, _ found: [String]) {
        #expect(read(field) == found)
    }

    @Test(arguments: [
        "a=1; a=1", "a=1; a=", "a=; a=1", "a; a=1", "a=1;a=2;a=3", "a=\"x\"; a=1", "x=1; a=1; ab=; a=2",
    ])
    func `a name that comes twice has no value`(_ field: String) {
        #expect(read(field)[0] == "*")
    }

    @Test func `two fields count as one`() {
        #expect(read("a=1", "ab=2") == ["1", "2"])
        #expect(read("a=1", "x=3; a=2") == ["*", "-"])
    }

    @Test(arguments: ["a=\"1\"", "a=1,2", "a=1 2", "a=1\\", "a=", "a", "a=\u{7f}", "a=\u{1}", "a=é", "a=1\t", "a=1 "])
    func `a value with another character than a cookie has is malformed`(_ field: String) {
        #expect(read(field) == ["!", "-"])
    }

    @Test(arguments: ["\"a=1", "x=\"; y", "é=1", "x=,,, ,", "\u{1}=\u{2}", "x==;=x", "{\"x\":1}"])
    func `odd cookies of others are skipped`(_ odd: String) {
        #expect(read("\(odd); a=1")[0] == "1")
        #expect(read("a=1; \(odd)")[0] == "1")
    }

    @Test func `every byte that a cookie may have, and no other`() {
        let allowed = (UInt8.min...UInt8.max).filter(CookieField.isCookieByte)
        #expect(allowed.count == 90 && allowed.allSatisfy { $0 > 0x20 && $0 < 0x7f })
        for byte in "\" ,;\\".utf8 { #expect(!CookieField.isCookieByte(byte)) }
    }

    @Test func `beyond the bounds nothing counts`() {
        let most = Array(repeating: "x=1", count: CookieField.pairCountMax - 1).joined(separator: "; ")
        #expect(read("a=1; \(most)") == ["1", "-"])
        #expect(read("a=1; \(most); x=1") == ["?", "?"])
        #expect(read("a=1", most, "x=1") == ["?", "?"])
        let long = "x=" + String(repeating: "y", count: CookieField.byteCountMax - 7)
        #expect(read("a=1; \(long)") == ["1", "-"])
        #expect(read("a=1; \(long)y") == ["?", "?"])
        #expect(read("a=1", "\(long)yyy") == ["?", "?"])
    }
}
