import Encoding
import OpenSSL
import Testing

@Suite("Random and SHA-256")
struct RandomAndDigestTests {
    @Test func `digests agree with FIPS 180-2 appendix B`() {
        let abc = octets(hex: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let empty = octets(hex: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.digest("abc") == abc)
        #expect(SHA256.digest("") == empty)
        let context = SHA256Context()
        for _ in 0..<2 {
            #expect(context.digest("abc") == abc)
        }
    }

    @Test func `the short digest is the first half over kind and name`() {
        let expected = UUID(high: 0xba78_16bf_8f01_cfea, low: 0x4141_40de_5dae_2223)
        #expect(SHA256.digest128("a", "bc") == expected)
        #expect(SHA256Context().digest128("abc", "") == expected)
    }

    @Test func `random octets fill everything and do not repeat`() {
        let draws = (0..<64).map { _ in Random.bytes(16) }
        #expect(Set(draws).count == 64)
        #expect(Random.bytes(0).isEmpty)
        var octets = [UInt8](repeating: 0, count: 4_096)
        Random.fill(&octets)
        #expect(Set(octets.suffix(1_024)).count > 200)
        #expect(Set((0..<64).map { _ in Random.next64() }).count == 64)
    }

    @Test func `a failure empties the error queue and names the function`() throws {
        let modulus = [0x80] + [UInt8](repeating: 1, count: 255)
        let publicHalf = try RSAPublicComponents(modulus: modulus, exponent: [1, 0, 1])
        let nonsense = RSAPrivateComponents(publicHalf: publicHalf, d: [3], p: [5], q: [7], dp: [1], dq: [1], qi: [1])
        let fault = #expect(throws: CryptoError.self) { try SigningKey(.rsa(nonsense), for: .rsaPKCS1(.sha256)) }
        guard case .inconsistent(let reason) = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(reason.contains("n is not the product of p and q"))
        let verifier = try SignatureVerifier(VerifyingKey(.rsa(publicHalf), for: .rsaPKCS1(.sha256)))
        #expect(!verifier.accepts(modulus, over: []))
        #expect(try Signer(.generate(for: .rsaPKCS1(.sha256))).sign([]).count == 256)
    }
}
