import HTTP
import Testing

@Suite("Response")
struct ResponseTests {
    private func line(_ value: [UInt8]) -> String {
        var response = Response()
        response.addField("X-Test", value)
        return String(decoding: response.fields, as: UTF8.self)
    }

    @Test(arguments: [
        ("plain", "plain"), ("", ""), ("a b%20c", "a b%20c"), ("100%", "100%"),
        ("a\r\nSet-Cookie: x=y", "a%0D%0ASet-Cookie: x=y"),
        ("a\u{0}b", "a%00b"), ("\u{7f}", "%7F"), ("tab\there", "tab%09here"), ("Zoë 100%", "Zo%C3%AB 100%25"),
        ("雪", "%E9%9B%AA"),
    ])
    func `no value ends its line, and all of it is printable ASCII (J7)`(_ value: String, _ written: String) {
        #expect(line(Array(value.utf8)) == "X-Test: \(written)\r\n")
    }

    @Test func `no octet at all ends a line (J7)`() {
        for octet in UInt8.min...UInt8.max {
            let line = Array(line([0x61, octet, 0x62]).utf8)
            #expect(line.dropLast(2).allSatisfy { (0x20...0x7e).contains($0) }, "\(octet)")
            #expect(line.suffix(2) == [0x0d, 0x0a])
        }
    }

    @Test func `a line of parts is encoded in its value only`() {
        var response = Response()
        response.addLine(Array("X-Test: a=".utf8), Array("b\r\n%".utf8), Array("; c=%\r\n".utf8))
        #expect(String(decoding: response.fields, as: UTF8.self) == "X-Test: a=b%0D%0A%25; c=%\r\n")
    }

    @Test func `is as new after reset`() {
        var response = Response()
        response.status = 404
        response.addLines("A: b\r\n")
        response.body = [1]
        response.closesConnection = true
        response.reset()
        #expect(
            response.status == 200 && response.fields.isEmpty && response.body.isEmpty && !response.closesConnection)
    }
}
