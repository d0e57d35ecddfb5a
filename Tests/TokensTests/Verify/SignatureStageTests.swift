import Encoding
import JOSE
import Keys
import OpenSSL
import Platform
import Testing
import Tokens

@Suite("Keys over time, and the memory of good signatures")
struct SignatureStageTests {
    @Test func `a key stops verifying when its time is over, remembered tokens included`() throws {
        let lifecycle = KeyLifecycle(createdAt: 0, verifiesUntil: Fixture.now.adding(milliseconds: 5_000))
        let jwk = try Fixture.rsa.privateJWK()
        let key = try Key(JWK(parsing: jwk.span), purpose: .access, lifecycle: lifecycle)
        let fixture = try Fixture(Keyring([key, Fixture.refresh]))
        let token = try fixture.issuer.accessToken(Fixture.grant(.rs256))
        #expect(fixture.refusal(token, now: Fixture.now.adding(milliseconds: 4_999)) == nil)
        #expect(fixture.refusal(token, now: Fixture.now.adding(milliseconds: 5_000)) == .kidUnknown)
    }

    @Test func `a remembered signature excuses nothing else`() throws {
        let fixture = try Fixture()
        let token = try fixture.issuer.accessToken(Fixture.grant(.rs256))
        for _ in 0..<2 { #expect(fixture.refusal(token) == nil) }
        #expect(fixture.refusal(token, now: Fixture.now.adding(milliseconds: 600_000)) == .expired)
        #expect(fixture.refusal(token, audience: "other") == .audienceMismatch)
        #expect(fixture.refreshRefusal(token) == .typMismatch)
        // The same signature over other octets chooses the same slot.
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
        var payload = parts[1]
        payload[20] = payload[20] == 0x41 ? 0x42 : 0x41
        let dot = [UInt8(ascii: ".")]
        #expect(fixture.refusal(Array([parts[0], payload, parts[2]].joined(separator: dot))) == .signatureInvalid)
        var signature = parts[2]
        signature[300] = signature[300] == 0x41 ? 0x42 : 0x41
        #expect(fixture.refusal(Array([parts[0], parts[1], signature].joined(separator: dot))) == .signatureInvalid)
        #expect(fixture.refusal(token) == nil)
    }

    @Test func `a refused signature is not remembered`() throws {
        let fixture = try Fixture()
        var token = try fixture.issuer.accessToken(Fixture.grant(.rs256))
        token[token.count - 100] = token[token.count - 100] == 0x41 ? 0x42 : 0x41
        for _ in 0..<3 { #expect(fixture.refusal(token) == .signatureInvalid) }
    }

    @Test func `the memory holds what it was given, within its bound`() {
        let base = [UInt8](repeating: 0x61, count: 3_000)
        func token(_ number: Int) -> [UInt8] {
            let digest = SHA256.digest(Array("\(number)".utf8).span)
            return base + Array(Base64URL.encode(Array(digest[..<18])).utf8)
        }
        let signature = 3_000..<3_024
        var cache = SignatureCache()
        let byteCount = cache.byteCount
        #expect(byteCount == 0)
        for number in 0..<5_000 {
            let token = token(number)
            cache.insert(token.span, signature: signature)
            let (isHeld, byteCount) = (cache.holds(token.span, signature: signature), cache.byteCount)
            #expect(isHeld)
            #expect(byteCount <= SignatureCache.byteCountMax)
        }
        var heldCount = 0
        for number in 0..<5_000 {
            let token = token(number)
            if cache.holds(token.span, signature: signature) { heldCount += 1 }
        }
        #expect((1_000...1_400).contains(heldCount))
        let short: [UInt8] = [1, 2, 3]
        cache.insert(short.span, signature: 0..<3)
        let isHeld = cache.holds(short.span, signature: 0..<3)
        #expect(!isHeld)
    }

    @Test func `tokens do not push each other out while there is room`() {
        var cache = SignatureCache()
        func token(_ number: Int) -> [UInt8] {
            Array(Base64URL.encode(SHA256.digest(Array("\(number)".utf8).span)).utf8)
        }
        for number in 0..<2_000 {
            let token = token(number)
            cache.insert(token.span, signature: 0..<43)
        }
        var heldCount = 0
        for number in 0..<2_000 {
            let token = token(number)
            if cache.holds(token.span, signature: 0..<43) { heldCount += 1 }
        }
        // All, or by chance all but one or two; with one set for each, a hundred would be lost.
        #expect(heldCount >= 1_990)
    }

    @Test func `the memory forgets the oldest tokens first, and never takes one for another`() {
        var cache = SignatureCache()
        // The longest tokens: eight to a block of 64 KiB, 512 in all.
        func token(_ number: Int) -> [UInt8] {
            let octets = SHA256.digest(Array("\(number)".utf8).span)
            return [UInt8](repeating: 0x61, count: CompactJWS.byteCountMax - 43) + Array(Base64URL.encode(octets).utf8)
        }
        let signature = (CompactJWS.byteCountMax - 43)..<CompactJWS.byteCountMax
        for number in 0..<1_200 {
            let token = token(number)
            cache.insert(token.span, signature: signature)
        }
        var held: Set<Int> = []
        for number in 0..<1_200 {
            var token = token(number)
            if cache.holds(token.span, signature: signature) { held.insert(number) }
            token[0] = 0x62
            let isTakenForAnother = cache.holds(token.span, signature: signature)
            #expect(!isTakenForAnother)
        }
        #expect(held.allSatisfy { $0 >= 1_200 - 512 })
        // The block in use may be nearly empty.
        #expect(held.isSuperset(of: (1_200 - 504)..<1_200))
        let byteCount = cache.byteCount
        #expect(byteCount == SignatureCache.byteCountMax)
    }

    @Test func `public keys alone verify what their private half signed`() throws {
        let jwk = try #require(Fixture.rsa.publicJWK())
        let verifying = try Fixture(Keyring([Key(jwk: jwk), Fixture.refresh]))
        #expect(try verifying.refusal(Fixture().issuer.accessToken(Fixture.grant(.rs256))) == nil)
    }

    @Test func `tokens of a key that the ring has lost are refused`() throws {
        let token = try Fixture().issuer.accessToken(Fixture.grant(.hs256))
        #expect(try Fixture(Keyring([Fixture.rsa, Fixture.refresh])).refusal(token) == .kidUnknown)
    }
}
