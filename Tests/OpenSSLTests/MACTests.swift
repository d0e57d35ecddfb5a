import OpenSSL
import Testing

@Suite("HMAC, RFC 2104")
struct MACTests {
    @Test func `a context is re-armed for every message`() throws {
        let key = try MACKey(Array(0..<32))
        let context = try MACContext(key)
        let first = try context.authenticate([1, 2, 3])
        _ = try context.authenticate([])
        let again = try context.authenticate([1, 2, 3])
        let fresh = try MACContext(key).authenticate([1, 2, 3])
        #expect(first == again)
        #expect(first == fresh)
    }

    @Test(arguments: HashFunction.allCases, [0, 1, -1])
    func `a secret shorter than the hash is refused (B4)`(_ hash: HashFunction, _ count: Int) throws {
        let byteCount = count < 0 ? hash.byteCount - 1 : count
        #expect(throws: CryptoFault.secretTooShort(byteCount: byteCount, byteCountMin: hash.byteCount)) {
            try MACKey([UInt8](repeating: 7, count: byteCount), for: hash)
        }
        _ = try MACKey([UInt8](repeating: 7, count: hash.byteCount), for: hash)
    }

    @Test func `a tag of any other length is refused`() throws {
        let context = try MACContext(MACKey(Array(0..<32)))
        let message: [UInt8] = [9]
        let tag = try context.authenticate(message)
        #expect(context.accepts(tag, over: message))
        for wrong in [[], Array(tag.dropLast()), tag + [0]] {
            #expect(!context.accepts(wrong, over: message))
        }
    }
}
