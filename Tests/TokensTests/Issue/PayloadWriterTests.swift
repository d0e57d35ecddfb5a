import JOSE
import Testing

@testable import Tokens

@Suite("Writing payloads")
struct PayloadWriterTests {
    private static func address(of bytes: [UInt8]) -> UInt? {
        bytes.withUnsafeBufferPointer { unsafe $0.baseAddress.map { UInt(bitPattern: $0) } }
    }

    @Test func `a payload uses the memory of the one before`() throws {
        var memory: [UInt8] = []
        var first = PayloadWriter(reusing: &memory)
        first.number(.generation, 1)
        memory = first.finish()
        let address = try #require(Self.address(of: memory))

        var second = PayloadWriter(reusing: &memory)
        #expect(memory.capacity == 0)
        second.number(.generation, 2)
        let payload = second.finish()
        #expect(Self.address(of: payload) == address)
        #expect(String(decoding: payload, as: UTF8.self) == #"{"gen":2}"#)
    }
}
