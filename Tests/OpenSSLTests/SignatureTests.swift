import OpenSSL
import Testing

@Suite("RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 §8.2")
struct SignatureTests {
    @Test(arguments: ["rsa_signature_2048_sha256", "rsa_signature_3072_sha256", "rsa_signature_4096_sha256"])
    func `agrees with Wycheproof and tolerates no other encoding (B11)`(_ file: String) throws {
        for group in try WycheproofFile.load(file).testGroups {
            let key = try #require(group.publicKey)
            let components = try RSAPublicComponents(
                modulus: octets(hex: key.modulus), exponent: octets(hex: key.publicExponent))
            let verifier = try SignatureVerifier(VerifyingKey(.rsa(components), for: .rsaPKCS1(.sha256)))
            for test in group.tests {
                let message = octets(hex: test.msg)
                let signature = octets(hex: try #require(test.sig))
                // "acceptable" is the encoding without the NULL parameter.
                #expect(
                    verifier.accepts(signature, over: message) == (test.result == "valid"),
                    "\(file) tcId \(test.tcId) \(test.comment)")
            }
        }
    }

    @Test(arguments: ["rsa_signature_2048_sha512", "rsa_pss_2048_sha256_mgf1_32"])
    func `signatures of other algorithms do not pass (B2)`(_ file: String) throws {
        for group in try WycheproofFile.load(file).testGroups {
            let key = try #require(group.publicKey)
            let components = try RSAPublicComponents(
                modulus: octets(hex: key.modulus), exponent: octets(hex: key.publicExponent))
            let verifier = try SignatureVerifier(VerifyingKey(.rsa(components), for: .rsaPKCS1(.sha256)))
            for test in group.tests {
                let message = octets(hex: test.msg)
                let signature = octets(hex: try #require(test.sig))
                #expect(!verifier.accepts(signature, over: message), "\(file) tcId \(test.tcId)")
            }
        }
    }

    @Test func `a generated key signs the same octets twice and survives export`() throws {
        let key = try SigningKey.generate(for: .rsaPKCS1(.sha256))
        let message = Array("header.payload".utf8)
        let signature = try Signer(key).sign(message)
        #expect(signature.count == 256)
        #expect(key.verifyingKey.numbers.rsa?.exponent == [1, 0, 1])
        let copy = try SigningKey(key.privateNumbers(), for: .rsaPKCS1(.sha256))
        #expect(try Signer(copy).sign(message) == signature)
        let verifier = try SignatureVerifier(copy.verifyingKey)
        #expect(verifier.accepts(signature, over: message))
        for index in [0, 100, 255] {
            var altered = signature
            altered[index] ^= 1
            #expect(!verifier.accepts(altered, over: message))
        }
        for wrong in [[], Array(signature.dropLast()), signature + [0], [0] + signature] {
            #expect(!verifier.accepts(wrong, over: message))
        }
        #expect(!verifier.accepts(signature, over: Array("header.payloaD".utf8)))
        #expect(verifier.accepts(signature, over: message))
    }

    @Test func `members that do not belong together are refused`() throws {
        let key = try rsaComponents()
        let other = try rsaComponents()
        let mixed = [
            RSAPrivateComponents(
                publicHalf: other.publicHalf, d: key.d, p: key.p, q: key.q, dp: key.dp, dq: key.dq, qi: key.qi),
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: other.d, p: key.p, q: key.q, dp: key.dp, dq: key.dq, qi: key.qi),
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: key.d, p: key.p, q: key.q, dp: other.dp, dq: key.dq, qi: key.qi),
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: key.d, p: other.p, q: key.q, dp: key.dp, dq: key.dq, qi: key.qi),
        ]
        for components in mixed {
            let fault = #expect(throws: CryptoFault.self) { try SigningKey(.rsa(components), for: .rsaPKCS1(.sha256)) }
            guard case .inconsistent = fault else {
                Issue.record("\(String(describing: fault))")
                continue
            }
        }
    }

    @Test(arguments: [(1_024, 1_024), (2_040, 2_040), (8_200, 8_200)])
    func `a modulus outside 2048 to 8192 bits is refused (B7)`(_ bitCount: Int, _ reported: Int) {
        let modulus = [0x80] + [UInt8](repeating: 1, count: bitCount / 8 - 1)
        #expect(throws: CryptoFault.modulusSize(bitCount: reported)) {
            try RSAPublicComponents(modulus: modulus, exponent: [1, 0, 1])
        }
        #expect(throws: CryptoFault.modulusSize(bitCount: reported)) {
            try RSAPublicComponents(modulus: [0, 0] + modulus, exponent: [1, 0, 1])
        }
    }

    @Test(arguments: [[], [0], [1], [2], [0, 1], [1, 0], [1, 0, 0, 0, 0, 0, 0, 0, 1]] as [[UInt8]])
    func `an exponent that is even, below 3 or above 64 bits is refused`(_ exponent: [UInt8]) {
        let modulus = [0x80] + [UInt8](repeating: 1, count: 255)
        #expect(throws: CryptoFault.publicExponent) { try RSAPublicComponents(modulus: modulus, exponent: exponent) }
    }
}
