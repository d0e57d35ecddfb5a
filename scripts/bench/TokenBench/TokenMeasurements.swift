import Encoding
import Glibc
import JOSE
import Keys
import OpenSSL
import Platform
import Tokens

/// Measures each operation next to its cryptography alone.
struct TokenMeasurements {
    struct Result {
        let name: String
        /// Microseconds.
        let time: Double
        /// Microseconds of OpenSSL alone.
        let library: Double
        let ratio: Double
        let target: Double
    }

    private static let issuer = "https://auth.example"
    private static let now: UnixMilliseconds = 1_800_000_000_000

    func run(rounds: Int) throws -> [Result] {
        let keys = try [Algorithm.hs256, .rs256, .es256].map { algorithm in
            try Key.generate(algorithm, purpose: .access, createdAt: Self.now)
        }
        let refresh = try Key.generate(.hs256, purpose: .refresh, createdAt: Self.now)
        let keyring = try Keyring(keys + [refresh])
        var results = [try hmac(keyring, keys[0], rounds)]
        for key in keys.dropFirst() {
            results.append(try verifying(keyring, key, rounds))
            results.append(try signing(key, rounds))
        }
        return results
    }

    private func hmac(_ keyring: Keyring, _ key: Key, _ rounds: Int) throws -> Result {
        guard case .secret(let secret) = key.material else { throw KeyError.notForSignatures }
        let token = try tokens(keyring, .hs256, count: 1)[0]
        let verifier = try Verifier(keyring: keyring, issuer: Self.issuer, leeway: 0)
        let audience = AudienceExpectation("api")
        let store = try BenchStore()
        let kid = Array(key.kid.utf8)
        guard let end = token.lastIndex(of: UInt8(ascii: ".")) else { throw KeyError.notForSignatures }
        let input = Array(token[..<end])
        let library = try BareOpenSSL(secret: secret.bytes())
        return measure("HS256 verify", target: 2.0, rounds: rounds, count: 20_000) {
            guard let claims = try? verifier.verify(token.span, audience: audience, now: Self.now) else { return false }
            let bytes = claims.payload.span
            return !store.isDenied(
                claims, subject: bytes.extracting(claims.subject),
                client: bytes.extracting(claims.clientID ?? 0..<0), kid: kid.span)
        } library: {
            library.authenticate(input)
        }
    }

    private func verifying(_ keyring: Keyring, _ key: Key, _ rounds: Int) throws -> Result {
        guard case .pair(let pair) = key.material else { throw KeyError.notForSignatures }
        let count = 64
        let tokens = try tokens(keyring, key.algorithm, count: count + 1)
        let audience = AudienceExpectation("api")
        let library = try BareOpenSSL(pem: KeyText.pem(pair), verifying: true, over: tokens[0])
        // A new verifier per round has an empty signature cache, so every token is new to it.
        var verifiers: [Verifier] = []
        for _ in 0..<(rounds + 1) {
            let verifier = try Verifier(keyring: keyring, issuer: Self.issuer, leeway: 0)
            // Allocates the memory of the cache, as in a server after its first request.
            let first = tokens[count]
            _ = try? verifier.verify(first.span, audience: audience, now: Self.now)
            verifiers.append(verifier)
        }
        var index = 0
        return measure("\(key.algorithm.rawValue) verify", target: 1.1, rounds: rounds, count: count) {
            defer { index += 1 }
            let verifier = verifiers[index / count % verifiers.count]
            let token = tokens[index % count]
            return (try? verifier.verify(token.span, audience: audience, now: Self.now)) != nil
        } library: {
            library.verify()
        }
    }

    private func signing(_ key: Key, _ rounds: Int) throws -> Result {
        guard case .pair(let pair) = key.material else { throw KeyError.notForSignatures }
        let message = [UInt8](repeating: 0x61, count: 450)
        let library = try BareOpenSSL(pem: KeyText.pem(pair), verifying: false, over: message)
        let signer = try Signer(pair)
        let isRSA = key.algorithm == .rs256
        return measure("\(key.algorithm.rawValue) sign", target: isRSA ? 1.03 : 1.1, rounds: rounds, count: 64) {
            (try? signer.sign(message.span)) != nil
        } library: {
            library.sign()
        }
    }

    /// Returns access tokens of about 450 bytes under HS256, each with a different subject.
    private func tokens(_ keyring: Keyring, _ algorithm: Algorithm, count: Int) throws -> [[UInt8]] {
        let issuer = try Issuer(keyring: keyring, issuer: Self.issuer)
        return try (0..<count).map { number in
            let grant = AccessGrant(
                subject: "019a0000-0000-7001-8000-00000000\(1_000 + number)", clientID: "first-party",
                audience: ["api"], scope: "read write",
                sid: UUID(high: 0x019A_0000_0000_7001, low: 0x8000_0000_0000_0001),
                generation: 1, authTime: Self.now.seconds, methods: ["pwd"], roles: [], issuedAt: Self.now,
                lifetime: 600, algorithm: algorithm)
            return try issuer.accessToken(grant)
        }
    }

    /// Alternates rounds of both functions; the first round warms up and does not count.
    private func measure(
        _ name: String, target: Double, rounds: Int, count: Int, _ ours: () -> Bool, library: () -> Bool
    ) -> Result {
        var times: [(ours: Double, library: Double)] = []
        for round in 0...rounds {
            let pair = (ours: time(count, ours), library: time(count, library))
            if round > 0 { times.append(pair) }
        }
        return Result(
            name: name, time: median(times.map(\.ours)), library: median(times.map(\.library)),
            ratio: median(times.map { $0.ours / $0.library }), target: target)
    }

    /// Returns the processor time of one call in microseconds.
    private func time(_ count: Int, _ body: () -> Bool) -> Double {
        let start = processorNanoseconds()
        for _ in 0..<count {
            guard body() else { preconditionFailure("an operation that is measured failed") }
        }
        return Double(processorNanoseconds() - start) / Double(count) / 1_000
    }

    private func processorNanoseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private func median(_ numbers: [Double]) -> Double {
        numbers.isEmpty ? 0 : numbers.sorted()[numbers.count / 2]
    }
}
