import OpenSSL
import Testing

@Suite("Wycheproof: the primitives under RS, PS, ES, EdDSA and HS")
struct WycheproofTests {
    private static let hashes: [String: HashFunction] = ["SHA-256": .sha256, "SHA-384": .sha384, "SHA-512": .sha512]
    private static let curves: [HashFunction: Curve] = [.sha256: .p256, .sha384: .p384, .sha512: .p521]

    @Test(arguments: WycheproofFile.names("rsa_signature_") + WycheproofFile.names("rsa_three_primes_"))
    func `RSASSA-PKCS1-v1_5 tolerates no other encoding (B11)`(_ file: String) throws {
        // "acceptable" is the encoding without the NULL parameter.
        try check(file) { group in Self.hashes[group.sha ?? ""].map { .rsaPKCS1($0) } }
    }

    @Test(arguments: WycheproofFile.names("rsa_pss_"))
    func `RSASSA-PSS takes one hash for both, and a salt as long`(_ file: String) throws {
        try check(file) { group in
            guard let hash = Self.hashes[group.sha ?? ""], group.mgfSha == group.sha else { return nil }
            return group.sLen == hash.byteCount ? .rsaPSS(hash) : nil
        }
    }

    @Test(arguments: WycheproofFile.names("ecdsa_").filter { $0.contains("_p1363_") })
    func `ECDSA takes two numbers of full length on the curve of its hash`(_ file: String) throws {
        try check(file) { group in Self.hashes[group.sha ?? ""].flatMap { Self.curves[$0] }.map { .ecdsa($0) } }
    }

    @Test(arguments: WycheproofFile.names("ed25519_"))
    func `Ed25519 agrees`(_ file: String) throws {
        try check(file) { _ in .ed25519 }
    }

    @Test(
        arguments: WycheproofFile.names("hmac_sha").filter {
            $0.wholeMatch(of: /hmac_sha(256|384|512)_test.json/) != nil
        })
    func `HMAC agrees where the key is long enough, and takes no truncated tag (B4, B6)`(_ file: String) throws {
        let size = try #require(file.firstMatch(of: /sha(\d+)/)?.output.1)
        let hash = try #require(Self.hashes["SHA-\(size)"])
        var checkedCount = 0
        for group in try WycheproofFile.load(file).testGroups {
            for test in group.tests {
                let secret = octets(hex: try #require(test.key))
                guard secret.count >= hash.byteCount else {
                    let fault = CryptoError.secretTooShort(byteCount: secret.count, byteCountMin: hash.byteCount)
                    #expect(throws: fault) { try MACKey(secret, for: hash) }
                    continue
                }
                let isFull = group.tagSize == hash.byteCount * 8
                let accepts = try MACContext(MACKey(secret, for: hash)).accepts(
                    octets(hex: try #require(test.tag)), over: octets(hex: test.msg))
                #expect(accepts == (test.result == "valid" && isFull), "\(file) \(test.tcId) \(test.comment)")
                checkedCount += 1
            }
        }
        #expect(checkedCount >= 50)
    }

    @Test func `a signature of one algorithm passes for no other (B2)`() throws {
        let all: [SignatureAlgorithm] = HashFunction.allCases.flatMap { [.rsaPKCS1($0), .rsaPSS($0)] }
        for file in ["rsa_signature_2048_sha512_test.json", "rsa_pss_2048_sha256_mgf1_32_test.json"] {
            let own: SignatureAlgorithm = file.hasPrefix("rsa_pss") ? .rsaPSS(.sha256) : .rsaPKCS1(.sha512)
            for group in try WycheproofFile.load(file).testGroups {
                let numbers = try KeyText(octets(hex: #require(group.publicKeyDer))).publicNumbers
                for algorithm in all where algorithm != own {
                    let verifier = try SignatureVerifier(VerifyingKey(numbers, for: algorithm))
                    for test in group.tests where test.result == "valid" {
                        let isGood = try verifier.accepts(octets(hex: #require(test.sig)), over: octets(hex: test.msg))
                        #expect(!isGood, "\(file) \(test.tcId) as \(algorithm)")
                    }
                }
            }
        }
    }

    /// Runs every case of a file: what is valid must pass if JOSE has an algorithm for the group, and nothing else may.
    private func check(
        _ file: String, _ algorithm: (WycheproofFile.Group) -> SignatureAlgorithm?
    ) throws {
        var validCount = 0
        for group in try WycheproofFile.load(file).testGroups {
            let texts = [group.publicKeyDer.map { octets(hex: $0) }, group.publicKeyPem.map { Array($0.utf8) }]
            for text in texts.compactMap({ $0 }) {
                let verifier = algorithm(group).flatMap { try? Self.verifier(text, $0) }
                for test in group.tests {
                    let isGood = try verifier?.accepts(
                        octets(hex: #require(test.sig)), over: octets(hex: test.msg))
                    let expected = test.result == "valid" && algorithm(group) != nil && isUsable(group)
                    #expect(isGood ?? false == expected, "\(file) \(test.tcId) \(test.comment)")
                    validCount += isGood == true ? 1 : 0
                }
            }
        }
        // A file in which nothing passes has been read wrongly, or is none of ours.
        #expect(validCount > 0 || file.contains("secp256k1") || file.contains("brainpool"), "\(file)")
    }

    private static func verifier(_ text: [UInt8], _ algorithm: SignatureAlgorithm) throws -> SignatureVerifier {
        try SignatureVerifier(VerifyingKey(KeyText(text).publicNumbers, for: algorithm))
    }

    private func isUsable(_ group: WycheproofFile.Group) -> Bool {
        guard let size = group.keySize, group.sha != nil, group.publicKeyDer != nil else { return true }
        return RSAPublicComponents.bitCountRange.contains(size)
    }
}
