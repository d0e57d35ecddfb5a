import Encoding
import Service
import Testing

@Suite("Mark of a session in a cookie")
struct SessionMarkTests {
    private static let sid = "019a0000-0000-7001-8000-000000000001"
    private static let proof = "0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7"

    private func mark(_ text: String) -> SessionMark? {
        let bytes = Array(text.utf8)
        return SessionMark(bytes.span)
    }

    @Test func `what is written is read`() throws {
        for flag in ["0", "1"] {
            let text = "\(Self.sid).\(flag).\(Self.proof)"
            let read = try #require(mark(text))
            #expect(read.sid == UUID(Self.sid) && read.isKept == (flag == "1"))
            #expect(String(decoding: read.text, as: UTF8.self) == text)
        }
    }

    @Test(arguments: [
        "", ".", "\(sid)", "\(sid).1", "\(sid).1.", "\(sid).2.\(proof)", "\(sid).x.\(proof)", "\(sid)..\(proof)",
        "\(sid)-1-\(proof)", "\(sid).1.\(proof)x", "\(sid).1.\(proof.uppercased())", "x\(sid.dropFirst()).1.\(proof)",
        "\(sid).1.\(proof.dropLast())z", "\(sid).11\(proof)",
    ])
    func `any other text is none`(_ text: String) {
        #expect(mark(text) == nil)
    }
}
