import Encoding
import Glibc
import JOSE
import Keys
import OpenSSL
import Platform
import Revocation
import Tokens

/// Implements `martlet bench-tokens`: measures the cost of a token compared with its cryptography alone, on one core.
enum BenchTokensCommand {
    static let usage = """
        usage: martlet bench-tokens [--rounds COUNT] [--check]

        Measures verifying and signing of access tokens inside the process, against the bare OpenSSL calls that they
        cannot do without. Rounds of both alternate; times are processor time of the one thread, ratios the
        median of all rounds.

          --rounds COUNT  how many rounds of each, 3 to 1000 (default: 30)
          --check         exit with 1 if a ratio is above its goal

        """

    static func run(_ words: [String]) -> Int32 {
        Verb.run("bench-tokens", usage: usage) { () throws(CommandError) in
            let arguments = try Arguments.parse(words, options: [.value("--rounds"), .flag("--check")])
            guard let rounds = Int(arguments.value("--rounds") ?? "30"), (3...1_000).contains(rounds) else {
                throw .usage("--rounds must be a number from 3 to 1000")
            }
            let results = try TokenBench().run(rounds: rounds)
            Terminal.write(table(results))
            if arguments.has("--check"), results.contains(where: { $0.ratio > $0.goal }) {
                throw .refused("a ratio is above its goal")
            }
        }
    }

    private static func table(_ results: [TokenBench.Result]) -> String {
        var text = "operation".padded(to: 22) + "µs".padded(to: 10) + "floor µs".padded(to: 10) + "ratio   goal\n"
        for result in results {
            text += result.name.padded(to: 22) + decimal(result.time).padded(to: 10)
            text +=
                decimal(result.floor).padded(to: 10) + decimal(result.ratio).padded(to: 8) + decimal(result.goal) + "\n"
        }
        return text
    }

    /// Formats a number with three decimal places.
    private static func decimal(_ number: Double) -> String {
        let thousandths = Int((number * 1_000).rounded())
        let rest = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}

/// Measures each operation next to its cryptographic lower bound.
struct TokenBench {
    struct Result {
        let name: String
        /// Microseconds.
        let time: Double
        let floor: Double
        let ratio: Double
        let goal: Double
    }

    private static let issuer = "https://auth.example"
    private static let now: Int64 = 1_800_000_000_000

    func run(rounds: Int) throws(CommandError) -> [Result] {
        do throws(KeyError) {
            let keys = try [Algorithm.hs256, .rs256, .es256].map { (algorithm) throws(KeyError) in
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
        } catch {
            throw .refused("\(error)")
        }
    }

    private func hmac(_ keyring: Keyring, _ key: Key, _ rounds: Int) throws(KeyError) -> Result {
        guard case .secret(let secret) = key.material else { throw .notForSignatures }
        let token = try tokens(keyring, .hs256, count: 1)[0]
        let verifier = try Verifier(keyring: keyring, issuer: Self.issuer, leeway: 0)
        let audience = AudienceExpectation("api")
        let store = try BenchStore()
        let kid = Array(key.kid.utf8)
        guard let end = token.lastIndex(of: UInt8(ascii: ".")) else { throw .notForSignatures }
        let input = Array(token[..<end])
        let floor: LibraryFloor
        do { floor = try LibraryFloor(secret) } catch { throw .crypto(error) }
        return measure("HS256 verify", goal: 2.0, rounds: rounds, count: 20_000) {
            guard let claims = try? verifier.verify(token.span, audience: audience, now: Self.now) else { return false }
            let payload = verifier.payload
            let octets = payload.span
            return !store.isDenied(
                claims, subject: octets.extracting(claims.subject),
                client: octets.extracting(claims.clientID ?? 0..<0), kid: kid.span)
        } floor: {
            floor.authenticate(input.span)
        }
    }

    private func verifying(_ keyring: Keyring, _ key: Key, _ rounds: Int) throws(KeyError) -> Result {
        guard case .pair(let pair) = key.material else { throw .notForSignatures }
        let count = 64
        let tokens = try tokens(keyring, key.algorithm, count: count + 1)
        let audience = AudienceExpectation("api")
        let floor = try floor(pair, verifying: true, tokens[0])
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
        return measure("\(key.algorithm.rawValue) verify", goal: 1.1, rounds: rounds, count: count) {
            defer { index += 1 }
            let verifier = verifiers[index / count % verifiers.count]
            let token = tokens[index % count]
            return (try? verifier.verify(token.span, audience: audience, now: Self.now)) != nil
        } floor: {
            floor.verify()
        }
    }

    private func signing(_ key: Key, _ rounds: Int) throws(KeyError) -> Result {
        guard case .pair(let pair) = key.material else { throw .notForSignatures }
        let message = [UInt8](repeating: 0x61, count: 450)
        let floor = try floor(pair, verifying: false, message)
        let signer: Signer
        do { signer = try Signer(pair) } catch { throw .crypto(error) }
        let isRSA = key.algorithm == .rs256
        return measure("\(key.algorithm.rawValue) sign", goal: isRSA ? 1.03 : 1.1, rounds: rounds, count: 64) {
            (try? signer.sign(message.span)) != nil
        } floor: {
            floor.sign()
        }
    }

    private func floor(_ pair: SigningKey, verifying: Bool, _ message: [UInt8]) throws(KeyError) -> LibraryFloor {
        do { return try LibraryFloor(pair, verifying: verifying, over: message.span) } catch { throw .crypto(error) }
    }

    /// Returns access tokens of about 450 bytes under HS256, each with a different subject.
    private func tokens(_ keyring: Keyring, _ algorithm: Algorithm, count: Int) throws(KeyError) -> [[UInt8]] {
        let issuer = try Issuer(keyring: keyring, issuer: Self.issuer)
        return try (0..<count).map { (number) throws(KeyError) in
            let grant = AccessGrant(
                subject: "019a0000-0000-7001-8000-00000000\(1_000 + number)", clientID: "first-party",
                audience: ["api"], scope: "read write",
                sid: UUID(high: 0x019A_0000_0000_7001, low: 0x8000_0000_0000_0001),
                generation: 1, authTime: Self.now / 1_000, methods: ["pwd"], roles: [], issuedAt: Self.now,
                lifetime: 600, algorithm: algorithm)
            do { return try issuer.accessToken(grant) } catch { throw .unsupported("\(error)") }
        }
    }

    /// Alternates rounds of both functions; the first round warms up and does not count.
    private func measure(
        _ name: String, goal: Double, rounds: Int, count: Int, _ ours: () -> Bool, floor: () -> Bool
    ) -> Result {
        var times: [(ours: Double, floor: Double)] = []
        for round in 0...rounds {
            let pair = (ours: time(count, ours), floor: time(count, floor))
            if round > 0 { times.append(pair) }
        }
        return Result(
            name: name, time: median(times.map(\.ours)), floor: median(times.map(\.floor)),
            ratio: median(times.map { $0.ours / $0.floor }), goal: goal)
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

/// A denylist with ten thousand entries in a temporary directory, which is removed with it.
private final class BenchStore {
    private let path: String
    private let store: RevocationStore

    init() throws(KeyError) {
        path = "/tmp/martlet-bench-\(getpid())"
        guard unsafe mkdir(path, 0o700) == 0 else { throw .unsupported("\(path) cannot be made") }
        let now: Int64 = 1_800_000_000_000
        do {
            store = try RevocationStore.open(
                RevocationOptions(
                    directory: path, grace: 0, sessionMax: 86_400_000, clock: WallClock { now }, monotonicNow: { 0 },
                    random: { Random.next64() }))
        } catch {
            unsafe rmdir(path)
            throw .unsupported("\(error)")
        }
        for _ in 0..<10_000 {
            store.revokeToken(UUID(high: Random.next64(), low: Random.next64()), expiresAt: now + 600_000) { _ in }
        }
    }

    func isDenied(_ claims: VerifiedClaims, subject: Span<UInt8>, client: Span<UInt8>, kid: Span<UInt8>) -> Bool {
        store.denial(
            jti: claims.jti, sid: claims.sid, issuedAt: claims.issuedAt &* 1_000,
            expiresAt: claims.expiresAt &* 1_000, subject: subject, client: client, kid: kid) != nil
    }

    deinit {
        store.close()
        guard let directory = unsafe opendir(path) else { return }
        defer {
            unsafe closedir(directory)
            unsafe rmdir(path)
        }
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { unsafe unlink("\(path)/\(name)") }
        }
    }
}
