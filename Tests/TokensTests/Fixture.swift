import Encoding
import Foundation
import JOSE
import Keys
import OpenSSL
import Platform
import Tokens

/// One service with a key of each kind, at a fixed moment.
struct Fixture {
    static let now: UnixMilliseconds = 1_800_000_000_000
    static let seconds = now.seconds
    static let issuerName = "https://auth.example"
    static let sid = Encoding.UUID(high: 0x019A_0000_0000_7001, low: 0x8000_0000_0000_0001)

    static let rsa = made { () throws(KeyError) in try Key.generate(.rs256, purpose: .access, createdAt: now) }
    static let hmac = made { () throws(KeyError) in try Key.generate(.hs256, purpose: .access, createdAt: now) }
    static let refresh = made { () throws(KeyError) in try Key.generate(.hs256, purpose: .refresh, createdAt: now) }
    static let ofEveryAlgorithm = Algorithm.allCases.map { algorithm in
        if let key = [rsa, hmac].first(where: { $0.algorithm == algorithm }) { return key }
        return made { () throws(KeyError) in try Key.generate(algorithm, purpose: .access, createdAt: now) }
    }
    static let everyKeyring = made { () throws(KeyError) in try Keyring(ofEveryAlgorithm + [refresh]) }
    static let keyring = made { () throws(KeyError) in try Keyring([rsa, hmac, refresh]) }

    let keyring: Keyring
    let issuer: Issuer
    let verifier: Verifier

    init(_ keyring: Keyring = Fixture.keyring, leeway: Int64 = 0) throws {
        self.keyring = keyring
        issuer = try Issuer(keyring: keyring, issuer: Self.issuerName)
        verifier = try Verifier(keyring: keyring, issuer: Self.issuerName, leeway: leeway)
    }

    static func grant(_ algorithm: Algorithm = .hs256) -> AccessGrant {
        AccessGrant(
            subject: "alice", clientID: "first-party", audience: ["api"], scope: "read write", sid: sid, generation: 3,
            authTime: seconds.adding(seconds: -100), methods: ["pwd"], roles: ["admin", "ops"], issuedAt: now,
            lifetime: 600,
            sessionEnd: seconds.adding(seconds: 86_400), algorithm: algorithm)
    }

    static func refreshClaims() -> RefreshClaims {
        RefreshClaims(
            sid: sid, generation: 3, subject: "alice", clientID: "first-party", issuedAt: seconds,
            expiresAt: seconds.adding(seconds: 1_000), sessionEnd: seconds.adding(seconds: 5_000),
            audience: ["api", "billing"], scope: "read",
            authTime: seconds.adding(seconds: -100), methods: ["pwd"])
    }

    /// Why an access token is refused; `nil` if it is not.
    func refusal(_ token: [UInt8], audience: String = "api", now: UnixMilliseconds = Fixture.now) -> TokenRejection? {
        do {
            _ = try verifier.verify(token.span, audience: AudienceExpectation(audience), now: now)
            return nil
        } catch {
            return error
        }
    }

    func refusal(_ token: String, now: UnixMilliseconds = Fixture.now) -> TokenRejection? {
        refusal(Array(token.utf8), now: now)
    }

    func claims(_ token: [UInt8], audience: String = "api") throws(TokenRejection) -> VerifiedToken {
        try verifier.verify(token.span, audience: AudienceExpectation(audience), now: Self.now)
    }

    func refreshRefusal(_ token: [UInt8], now: UnixMilliseconds = Fixture.now) -> TokenRejection? {
        do {
            _ = try verifier.verifyRefresh(token.span, now: now)
            return nil
        } catch {
            return error
        }
    }

    func refreshClaims(_ token: [UInt8]) throws(TokenRejection) -> RefreshClaims {
        try verifier.verifyRefresh(token.span, now: Self.now)
    }

    private static func made<Value>(_ body: () throws(KeyError) -> Value) -> Value {
        do { return try body() } catch { preconditionFailure("\(error)") }
    }
}

extension VerifiedToken {
    var roles: [String] {
        var document = JSONDocument()
        return roles(using: &document)
    }

    var audiences: [String] {
        var document = JSONDocument()
        return audiences(using: &document)
    }
}

/// Tokens put together by hand, so that any header and payload can be signed well.
enum Forge {
    static let payload = """
        {"iss":"https://auth.example","sub":"alice","aud":"api","client_id":"first-party","iat":1800000000,\
        "exp":1800000600,"jti":"0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7"}
        """

    static func header(_ key: Key, typ: String = "at+jwt") -> String {
        #"{"alg":"\#(key.algorithm.rawValue)","typ":"\#(typ)","kid":"\#(key.kid)"}"#
    }

    /// The payload with members replaced, added or (by `nil`) taken out; values are raw JSON.
    static func payload(_ changes: [String: String?]) -> String {
        var members = [
            ("iss", #""https://auth.example""#), ("sub", #""alice""#), ("aud", #""api""#),
            ("client_id", #""first-party""#), ("iat", "1800000000"), ("exp", "1800000600"),
            ("jti", #""0191a2b3-c4d5-8e6f-8091-a2b3c4d5e6f7""#),
        ]
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            members.removeAll { $0.0 == name }
            if let value { members.append((name, value)) }
        }
        return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    static func token(header: String? = nil, payload: String = payload, key: Key = Fixture.hmac) -> [UInt8] {
        token(
            headerText: Base64URL.encode(Array((header ?? self.header(key)).utf8)),
            payloadText: Base64URL.encode(Array(payload.utf8)), key: key)
    }

    /// Signs parts that are already text, canonical or not.
    static func token(headerText: String, payloadText: String, key: Key) -> [UInt8] {
        let input = Array("\(headerText).\(payloadText)".utf8)
        return input + Array(".\(Base64URL.encode(signature(over: input, key)))".utf8)
    }

    static func signature(over input: [UInt8], _ key: Key) -> [UInt8] {
        do {
            switch key.material {
            case .secret(let secret):
                return try MACContext(secret).authenticate(input.span).octets
            case .pair(let pair): return try Signer(pair).sign(input.span)
            case .publicHalf: return []
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }
}

/// A small generator with a seed, so that a failing run can be repeated (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

func vector(_ path: String) throws -> Data {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try Data(contentsOf: tests.appending(path: "Vectors/\(path)"))
}

/// The names of all files in a folder of vectors.
func vectorNames(_ folder: String) -> [String] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let path = tests.appending(path: "Vectors/\(folder)").path()
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
}

extension VerificationKeySet {
    init(_ text: [UInt8], _ algorithm: Algorithm? = nil) throws(KeyError) {
        try self.init(parsing: text.span, algorithm: algorithm)
    }

    func refusal(_ token: [UInt8]) -> TokenRejection? {
        do {
            _ = try check(token.span)
            return nil
        } catch {
            return error
        }
    }

    func accepts(_ token: [UInt8]) -> Bool { refusal(token) == nil }
}

extension Key {
    init(
        jwk text: [UInt8], purpose: Purpose = .access, kid: String? = nil, algorithm: Algorithm? = nil
    ) throws(KeyError) {
        try self.init(
            JWK(parsing: text.span), kid: kid, algorithm: algorithm, purpose: purpose,
            lifecycle: KeyLifecycle(createdAt: Fixture.now))
    }

    init(
        importing text: [UInt8], _ algorithm: Algorithm? = nil, purpose: Purpose = .access, kid: String? = nil
    ) throws(KeyError) {
        try self.init(
            importing: text.span, algorithm: algorithm, purpose: purpose, kid: kid, createdAt: Fixture.now)
    }

    init(file text: [UInt8]) throws(KeyError) {
        try self.init(parsing: text.span)
    }
}

extension Key {
    /// Of an RSA key.
    var modulus: [UInt8]? { if case .rsa(let key) = publicNumbers { key.modulus } else { nil } }
}

extension JWK {
    init(_ text: [UInt8]) throws(KeyError) { try self.init(parsing: text.span) }
}
