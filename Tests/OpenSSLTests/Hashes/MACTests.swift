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
        #expect(throws: CryptoError.secretTooShort(byteCount: byteCount, byteCountMin: hash.byteCount)) {
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

    @Test(
        "a secret longer than the hash's block counts as its hash, RFC 4231 §4.7",
        arguments: [
            (HashFunction.sha256, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            (
                .sha384,
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"
            ),
            (
                .sha512,
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
                    + "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"
            ),
        ])
    func longSecret(_ hash: HashFunction, _ tag: String) throws {
        let context = try MACContext(MACKey([UInt8](repeating: 0xaa, count: 131), for: hash))
        let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
        #expect(try context.authenticate(message) == octets(hex: tag))
        #expect(context.accepts(octets(hex: tag), over: message))
    }
}
