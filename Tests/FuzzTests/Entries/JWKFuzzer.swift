import Encoding
@testable import JOSE
@testable import Keys
@testable import Tokens

/// Single keys, as anybody may publish them: what they say, before a working key is made.
enum JWKFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            guard let jwk = try? JWK(parsing: bytes.span) else { return }
            demand(jwk.kid.map { $0.utf8.count <= 1_024 } ?? true, "a name of bounded length")
        }
    }
}

/// Key files, through to the working key. Slow where OpenSSL looks at a pair's primes.
enum KeyFileFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            guard let key = try? Key(parsing: bytes.span) else { return }
            demand((1...128).contains(key.kid.utf8.count), "a name of bounded length")
            // What is written is the same key, and the published half has no secret in it.
            guard let file = try? key.privateJWK(), let again = try? Key(parsing: file.span) else {
                return demand(false, "a key that is taken can be kept")
            }
            demand(again.kid == key.kid && again.algorithm == key.algorithm, "the same name and algorithm")
            demand(again.purpose == key.purpose && again.lifecycle == key.lifecycle, "the same purpose and life")
            guard let published = key.publicJWK() else { return }
            var document = JSONDocument()
            guard (try? document.parse(published.span)) != nil else { return demand(false, "published as JSON") }
            for secret: StaticString in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                demand(document.member(secret, of: 0, in: published.span) == nil, "\(secret) is not published")
            }
        }
    }
}

/// What an operator or another issuer gives as keys: PEM, DER, one JWK, a set, or a secret.
enum KeySetFuzzer {
    static func make() -> ([UInt8]) -> Void {
        { bytes in
            for algorithm in [nil, Algorithm.es256, .hs256] {
                guard let set = try? VerificationKeySet(parsing: bytes.span, algorithm: algorithm) else { continue }
                demand(!set.keys.isEmpty, "a set that is taken holds a key")
                if let algorithm, !set.isSet {
                    demand(set.keys.allSatisfy { $0.algorithm == algorithm }, "a key has the algorithm asked for")
                }
                demand((try? set.check(bytes.span)) == nil, "keys are no token")
            }
        }
    }
}
