import OpenSSL
import TestForm
import Testing

@Suite("Keys and signatures")
struct SignatureTests {
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
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: key.d, p: key.p, q: key.q, dp: key.dp, dq: other.dq, qi: key.qi),
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: key.d, p: key.p, q: key.q, dp: key.dp, dq: key.dq, qi: other.qi),
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: key.d, p: key.p, q: [], dp: key.dp, dq: key.dq, qi: key.qi),
            RSAPrivateComponents(
                publicHalf: key.publicHalf, d: key.d, p: key.publicHalf.modulus, q: [1], dp: key.dp, dq: key.dq,
                qi: key.qi),
        ]
        for components in mixed {
            let fault = #expect(throws: CryptoError.self) { try SigningKey(.rsa(components), for: .rsaPKCS1(.sha256)) }
            guard case .inconsistent = fault else {
                Issue.record("\(String(describing: fault))")
                continue
            }
        }
    }

    @Test func `a factor that is not prime is refused, although all numbers agree`() throws {
        let components = try CompositeRSAKey.components()
        #expect(throws: CryptoError.inconsistent(reason: "p is not prime")) {
            try SigningKey(.rsa(components), for: .rsaPKCS1(.sha256))
        }
    }

    @Test func `the coefficient belongs to the order of the factors`() throws {
        let key = try rsaComponents()
        let swapped = RSAPrivateComponents(
            publicHalf: key.publicHalf, d: key.d, p: key.q, q: key.p, dp: key.dq, dq: key.dp, qi: key.qi)
        #expect(throws: CryptoError.inconsistent(reason: "qi is not the inverse of q modulo p")) {
            try SigningKey(.rsa(swapped), for: .rsaPKCS1(.sha256))
        }
        _ = try SigningKey(.rsa(key), for: .rsaPKCS1(.sha256))
    }

    @Test(arguments: [(1_024, 1_024), (2_040, 2_040), (8_200, 8_200)])
    func `a modulus outside 2048 to 8192 bits is refused (B7)`(_ bitCount: Int, _ reported: Int) {
        let modulus = [0x80] + [UInt8](repeating: 1, count: bitCount / 8 - 1)
        #expect(throws: CryptoError.modulusSize(bitCount: reported)) {
            try RSAPublicComponents(modulus: modulus, exponent: [1, 0, 1])
        }
        #expect(throws: CryptoError.modulusSize(bitCount: reported)) {
            try RSAPublicComponents(modulus: [0, 0] + modulus, exponent: [1, 0, 1])
        }
    }

    @Test(arguments: [[], [0], [1], [2], [0, 1], [1, 0], [1, 0, 0, 0, 0, 0, 0, 0, 1]] as [[UInt8]])
    func `an exponent that is even, below 3 or above 64 bits is refused`(_ exponent: [UInt8]) {
        let modulus = [0x80] + [UInt8](repeating: 1, count: 255)
        #expect(throws: CryptoError.publicExponent) { try RSAPublicComponents(modulus: modulus, exponent: exponent) }
    }

    static let algorithms: [SignatureAlgorithm] =
        HashFunction.allCases.flatMap { [.rsaPKCS1($0), .rsaPSS($0)] } + Curve.allCases.map { .ecdsa($0) } + [.ed25519]

    @Test(arguments: algorithms)
    func `every algorithm signs what it verifies, and only that`(_ algorithm: SignatureAlgorithm) throws {
        let key = try SigningKey.generate(for: algorithm)
        let copy = try SigningKey(key.privateNumbers(), for: algorithm)
        #expect(copy.verifyingKey.numbers == key.verifyingKey.numbers)
        let signer = try Signer(copy)
        let verifier = try SignatureVerifier(VerifyingKey(key.verifyingKey.numbers, for: algorithm))
        for round in 0..<TestForm.pick(quick: 4, normal: 40) {
            let message = Array("message \(round)".utf8)
            let signature = try signer.sign(message)
            #expect(signature.count == key.verifyingKey.signatureByteCount)
            #expect(verifier.accepts(signature, over: message))
            #expect(!verifier.accepts(signature, over: message + [0]))
            for index in [0, signature.count / 2, signature.count - 1] {
                var altered = signature
                altered[index] ^= 1
                #expect(!verifier.accepts(altered, over: message))
            }
            for wrong in [[], Array(signature.dropLast()), signature + [0], [0] + signature] {
                #expect(!verifier.accepts(wrong, over: message))
            }
        }
        let message = Array("twice".utf8)
        let isRepeating = try signer.sign(message) == signer.sign(message)
        switch algorithm {
        case .rsaPKCS1, .ed25519: #expect(isRepeating)
        case .rsaPSS, .ecdsa: #expect(!isRepeating)
        }
        let zeros = [UInt8](repeating: 0, count: key.verifyingKey.signatureByteCount)
        #expect(!verifier.accepts(zeros, over: message))
    }

    @Test func `a key signs with no algorithm of another kind`() throws {
        for own in [SignatureAlgorithm.rsaPKCS1(.sha256), .ecdsa(.p256), .ecdsa(.p521), .ed25519] {
            let numbers = try SigningKey.generate(for: own).verifyingKey.numbers
            for algorithm in Self.algorithms where !numbers.fit(algorithm) {
                #expect(throws: CryptoError.algorithmMismatch) { try VerifyingKey(numbers, for: algorithm) }
            }
        }
    }

    @Test(arguments: Curve.allCases)
    func `a point beside the curve, or of the wrong length, is refused`(_ curve: Curve) throws {
        let key = try SigningKey.generate(for: .ecdsa(curve))
        guard case .ec(let point) = key.verifyingKey.numbers, case .ec(let numbers) = try key.privateNumbers() else {
            Issue.record("not an EC key")
            return
        }
        var y = point.y
        y[y.count - 1] ^= 1
        let beside = try ECPublicPoint(curve: curve, x: point.x, y: y)
        #expect(throws: CryptoError.notOnCurve(curve)) { try VerifyingKey(.ec(beside), for: .ecdsa(curve)) }
        let zeros = [UInt8](repeating: 0, count: curve.coordinateByteCount)
        let origin = try ECPublicPoint(curve: curve, x: zeros, y: zeros)
        #expect(throws: CryptoError.notOnCurve(curve)) { try VerifyingKey(.ec(origin), for: .ecdsa(curve)) }
        let byteCount = curve.coordinateByteCount
        for wrong in [Array(point.x.dropLast()), [0] + point.x] {
            let fault = CryptoError.coordinateSize(curve, byteCount: wrong.count)
            #expect(throws: fault) { try ECPublicPoint(curve: curve, x: wrong, y: point.y) }
            #expect(throws: fault) { try ECPublicPoint(curve: curve, x: point.x, y: wrong) }
            #expect(throws: fault) { try ECPrivateNumbers(publicHalf: point, d: wrong) }
        }
        let refused = CryptoError.inconsistent(reason: "error:0800007B:elliptic curve routines::invalid private key")
        for wrong in [[UInt8](repeating: 0, count: byteCount), [UInt8](repeating: 0xFF, count: byteCount)] {
            let numbers = try ECPrivateNumbers(publicHalf: point, d: wrong)
            #expect(throws: refused) { try SigningKey(.ec(numbers), for: .ecdsa(curve)) }
        }
        var d = numbers.d
        d[byteCount - 1] ^= 1
        let swapped = try ECPrivateNumbers(publicHalf: point, d: d)
        #expect(throws: refused) { try SigningKey(.ec(swapped), for: .ecdsa(curve)) }
    }

    @Test func `the halves of an Ed25519 key must belong together`() throws {
        guard case .ed25519(let one) = try SigningKey.generate(for: .ed25519).privateNumbers(),
            case .ed25519(let other) = try SigningKey.generate(for: .ed25519).privateNumbers()
        else {
            Issue.record("not Ed25519 keys")
            return
        }
        let mixed = try Ed25519PrivateBytes(publicHalf: other.publicHalf, seed: one.seed)
        #expect(throws: CryptoError.inconsistent(reason: "the public key belongs to a different private key")) {
            try SigningKey(.ed25519(mixed), for: .ed25519)
        }
        #expect(throws: CryptoError.ed25519Size(byteCount: 31)) {
            try Ed25519PublicBytes(Array(one.publicHalf.octets.dropLast()))
        }
    }

    @Test(arguments: ["0100", "ecff", "edff", "eeff", "0000"], [UInt8(0x00), 0x7F, 0x80, 0xFF])
    func `Ed25519 keys of small order are refused`(_ start: String, _ last: UInt8) {
        let first = octets(hex: start)
        let key = first + [UInt8](repeating: first[1], count: 29) + [last]
        let isSmall = start.hasSuffix("ff") == (last & 0x7F == 0x7F)
        if isSmall {
            #expect(throws: CryptoError.smallOrder) { try Ed25519PublicBytes(key) }
        } else {
            #expect(throws: Never.self) { try Ed25519PublicBytes(key) }
        }
    }
}
