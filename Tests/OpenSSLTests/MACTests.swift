import OpenSSL
import Testing

@Suite("HMAC-SHA-256, RFC 2104")
struct MACTests {
    @Test func `agrees with Wycheproof where the key is long enough, and takes no truncated tag (B6)`() throws {
        var checkedCount = 0
        for group in try WycheproofFile.load("hmac_sha256").testGroups {
            for test in group.tests {
                let secret = octets(hex: try #require(test.key))
                guard secret.count >= 32 else {
                    #expect(throws: CryptoFault.secretTooShort(byteCount: secret.count)) { try MACKey(secret) }
                    continue
                }
                let context = try MACContext(MACKey(secret))
                let message = octets(hex: test.msg)
                let tag = octets(hex: try #require(test.tag))
                let isFull = group.tagSize == 256
                #expect(
                    context.accepts(tag, over: message) == (test.result == "valid" && isFull),
                    "tcId \(test.tcId) \(test.comment)")
                checkedCount += 1
            }
        }
        #expect(checkedCount > 100)
    }

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

    @Test(arguments: [0, 1, 31])
    func `a secret below 32 octets is refused (B4)`(_ byteCount: Int) {
        #expect(throws: CryptoFault.secretTooShort(byteCount: byteCount)) {
            try MACKey([UInt8](repeating: 7, count: byteCount))
        }
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
