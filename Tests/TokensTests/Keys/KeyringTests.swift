import Encoding
import Foundation
import JOSE
import Keys
import OpenSSL
import Platform
import Testing
import Tokens

@Suite("Keyring, RFC 7517 §5")
struct KeyringTests {
    @Test func `the set publishes public keys alone (B20, B21, C1, C2, C3)`() throws {
        let set = try #require(JSONSerialization.jsonObject(with: Data(Fixture.keyring.jwks)) as? [String: Any])
        let keys = try #require(set["keys"] as? [[String: String]])
        #expect(keys.map { $0["kid"] } == [Fixture.rsa.kid])
        for jwk in keys {
            #expect(Set(jwk.keys).isDisjoint(with: ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]))
        }
        let secret = String(decoding: try Fixture.hmac.privateJWK(), as: UTF8.self)
        let k = try #require(secret.firstMatch(of: /"k": *"([^"]+)"/)?.1)
        #expect(!String(decoding: Fixture.keyring.jwks, as: UTF8.self).contains(k))
    }

    @Test func `a ring without public keys publishes an empty list`() throws {
        #expect(try Keyring([Fixture.refresh]).jwks == Array(#"{"keys":[]}"#.utf8))
    }

    @Test func `rings that cannot work are refused`() throws {
        #expect(throws: KeyError.refreshSecretMissing) { try Keyring([]) }
        #expect(throws: KeyError.refreshSecretMissing) { try Keyring([Fixture.rsa, Fixture.hmac]) }
        #expect(throws: KeyError.duplicateKid(Fixture.refresh.kid)) { try Keyring([Fixture.refresh, Fixture.refresh]) }
        #expect(throws: KeyError.tooManyKeys(count: 65, countMax: Keyring.keyCountMax)) {
            try Keyring(Array(repeating: Fixture.refresh, count: 65))
        }
    }

    @Test func `a secret that holds a public key of the ring is refused (B3)`() throws {
        let modulus = try #require(Fixture.rsa.modulus)
        for secret in [modulus, [2, 0] + modulus + [3], Array("n=\(Base64URL.encode(modulus))".utf8)] {
            let jwk = Array(#"{"kty":"oct","alg":"HS256","kid":"a","k":"\#(Base64URL.encode(secret))"}"#.utf8)
            let key = try Key(jwk: jwk)
            #expect(throws: KeyError.weakSecret) { try Keyring([Fixture.rsa, key, Fixture.refresh]) }
            #expect(throws: Never.self) { try Keyring([key, Fixture.refresh]) }
        }
    }

    @Test func `the newest key that may sign is chosen (B14, C9)`() throws {
        let keys = try [(1, nil, nil), (2, nil, 40), (3, 30, nil)].map { (index, from, until) throws(KeyError) in
            try key(
                "k\(index)", KeyLifecycle(createdAt: UnixMilliseconds(Int64(index)), signsFrom: from, signsUntil: until)
            )
        }
        let ring = try Keyring(keys + [Fixture.refresh])
        #expect([10, 29, 30, 50].map { ring.signingKey(for: .hs256, at: $0)?.kid } == ["k2", "k2", "k3", "k3"])
        let older = try Keyring([keys[0], keys[1], Fixture.refresh])
        #expect([39, 40].map { older.signingKey(for: .hs256, at: $0)?.kid } == ["k2", "k1"])
        #expect(ring.signingKey(for: .rs256, at: 10) == nil)
        #expect(ring.refreshKey(at: 10)?.kid == Fixture.refresh.kid)
        #expect(ring.algorithms == [.hs256])
        #expect(Fixture.keyring.algorithms == [.hs256, .rs256])
    }

    @Test func `a key is found by its whole name only (B18)`() {
        func find(_ text: String) -> String? {
            let octets = Array(text.utf8)
            return Fixture.keyring.key(octets.span)?.kid
        }
        let kid = Fixture.rsa.kid
        #expect(find(kid) == kid)
        for other in ["", String(kid.dropLast()), kid + "A", kid.uppercased(), "../\(kid)"] {
            #expect(find(other) == nil)
        }
    }

    private func key(_ kid: String, _ lifecycle: KeyLifecycle) throws(KeyError) -> Key {
        let jwk = Array(#"{"kty":"oct","alg":"HS256","k":"\#(Base64URL.encode(Random.bytes(32)))"}"#.utf8)
        return try Key(JWK(parsing: jwk.span), kid: kid, purpose: .access, lifecycle: lifecycle)
    }
}
