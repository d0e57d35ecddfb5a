import Encoding
import Foundation
import JOSE
import Keys
import OpenSSL
import Testing
import Tokens

@Suite("Keys and their files, RFC 7517")
struct KeyTests {
    static let keys = Fixture.ofEveryAlgorithm + [Fixture.refresh]

    @Test(arguments: keys)
    func `a key comes back from its file`(_ key: Key) throws {
        let file = try key.privateJWK()
        let copy = try Key(file: file)
        #expect(copy.kid == key.kid)
        #expect(copy.algorithm == key.algorithm)
        #expect(copy.purpose == key.purpose)
        #expect(copy.lifecycle == key.lifecycle)
        #expect(try copy.privateJWK() == file)
        let message = Array("a.b".utf8)
        let same = Forge.signature(over: message, copy) == Forge.signature(over: message, key)
        #expect(same == key.algorithm.isDeterministic)
        #expect(copy.canSign)
    }

    @Test func `the life cycle comes back from the file`() throws {
        var text = String(decoding: try Fixture.hmac.privateJWK(), as: UTF8.self)
        text = text.replacingOccurrences(
            of: #""purpose""#, with: #""signs_from": 5, "signs_until": 7, "verifies_until": 9, "purpose""#)
        let key = try Key(file: Array(text.utf8))
        #expect(
            key.lifecycle
                == KeyLifecycle(createdAt: Fixture.now, signsFrom: 5_000, signsUntil: 7_000, verifiesUntil: 9_000))
        #expect(try Key(file: key.privateJWK()).lifecycle == key.lifecycle)
        #expect([4_999, 5_000, 6_999, 7_000].map { key.signs(at: $0) } == [false, true, true, false])
        #expect([0, 8_999, 9_000].map { key.verifies(at: $0) } == [true, true, false])
    }

    @Test func `names are the thumbprint of public keys and random for secrets`() throws {
        guard case .pair(let pair) = Fixture.rsa.material else {
            Issue.record("not a pair")
            return
        }
        #expect(Fixture.rsa.kid == Thumbprint.of(pair.verifyingKey.numbers))
        #expect(Base64URL.decode(Fixture.hmac.kid)?.count == 16)
        #expect(Fixture.hmac.kid != Fixture.refresh.kid)
    }

    @Test func `only the public half is public (B21, C3, C5)`() throws {
        #expect(Fixture.hmac.publicJWK() == nil)
        let octets = try #require(Fixture.rsa.publicJWK())
        let jwk = try #require(JSONSerialization.jsonObject(with: Data(octets)) as? [String: String])
        #expect(Set(jwk.keys) == ["kty", "use", "alg", "kid", "n", "e"])
        #expect(jwk["use"] == "sig")
        #expect(jwk["alg"] == "RS256")
        #expect(jwk["e"] == "AQAB")
        let modulus = try #require(Base64URL.decode(jwk["n"] ?? ""))
        #expect(modulus.count == 256)
        #expect(modulus.first != 0)
    }

    @Test(arguments: [
        ("", KeyError.notJSON(.unterminated)), ("[]", .notObject), ("{}", .memberMissing("kty")),
        (#"{"kty":1}"#, .memberInvalid("kty")), (#"{"kty":"AKP"}"#, .unsupported("kty AKP")),
        (#"{"kty":"oct"}"#, .memberMissing("k")), (#"{"kty":"oct","k":"="}"#, .memberInvalid("k")),
        (#"{"kty":"oct","k":""}"#, .memberInvalid("k")),
        (#"{"kty":"oct","alg":"none","k":"AA"}"#, .unsupported("alg none")),
        (#"{"kty":"oct","alg":"RS256","k":"AA"}"#, .algorithmMismatch(.rs256)),
        (#"{"kty":"oct","use":"enc","k":"AA"}"#, .notForSignatures),
        (#"{"kty":"oct","key_ops":["sign"],"k":"AA"}"#, .notForSignatures),
        (#"{"kty":"oct","key_ops":["encrypt"],"k":"AA"}"#, .notForSignatures),
        (#"{"kty":"oct","key_ops":"verify","k":"AA"}"#, .memberInvalid("key_ops")),
        (#"{"kty":"RSA","e":"AQAB"}"#, .memberMissing("n")),
        (#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, .crypto(.modulusSize(bitCount: 17))),
    ])
    func `a JWK that cannot be used says which member is at fault (B7, B23)`(_ text: String, _ fault: KeyError) {
        let octets = Array(text.utf8)
        #expect(throws: fault) { try JWK(octets) }
    }

    @Test(arguments: ["kty", "alg", "kid", "purpose", "iat", "k"])
    func `a key file says what is missing`(_ name: String) throws {
        var members = try members(of: Fixture.hmac)
        members[name] = nil
        let octets = Array(try JSONSerialization.data(withJSONObject: members))
        #expect(throws: KeyError.memberMissing(name)) { try Key(file: octets) }
    }

    @Test(arguments: [
        ("purpose", "login", KeyError.memberInvalid("purpose")), ("iat", "now", .memberInvalid("iat")),
        ("signs_from", "x", .memberInvalid("signs_from")), ("use", "enc", .notForSignatures),
    ])
    func `a key file says what is wrong`(_ name: String, _ value: String, _ fault: KeyError) throws {
        var members = try members(of: Fixture.hmac)
        members[name] = value
        let octets = Array(try JSONSerialization.data(withJSONObject: members))
        #expect(throws: fault) { try Key(file: octets) }
    }

    @Test func `duplicate members of a key are refused (C6)`() {
        let octets = Array(#"{"kty":"oct","kty":"oct","k":"AA"}"#.utf8)
        #expect(throws: KeyError.notJSON(.duplicateMember(13))) { try JWK(octets) }
    }

    @Test(arguments: [
        [UInt8](repeating: 0, count: 32), [UInt8](repeating: 0x61, count: 64), Array(0..<32),
        Array((0..<32).reversed()),
        Array("passwordpasswordpasswordpassword".utf8), Array("0123456701234567012345670123456701234567".utf8),
        Array("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEF".utf8),
        Array(" \n-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEA".utf8),
        Array(#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJX"}"#.utf8),
    ])
    func `secrets that nobody drew at random, and public keys in disguise, are refused (B3, B5)`(_ secret: [UInt8]) {
        #expect(throws: KeyError.weakSecret) { try Key(file: file(secret)) }
    }

    @Test func `a secret below 32 octets is refused (B4)`() {
        #expect(throws: KeyError.crypto(.secretTooShort(byteCount: 31))) { try Key(file: file(Array(1...31))) }
        let jwk = Array(#"{"kty":"oct","alg":"HS256","kid":"a","k":"\#(Base64URL.encode(Array(1...31)))"}"#.utf8)
        #expect(throws: KeyError.crypto(.secretTooShort(byteCount: 31))) { try Key(jwk: jwk) }
    }

    @Test func `random secrets and hex texts of them pass`() throws {
        for _ in 0..<500 {
            let random = Random.bytes(32)
            let hex = Array(random.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined().utf8)
            for secret in [random, hex] {
                #expect(throws: Never.self) { try Key(file: file(secret)) }
            }
        }
    }

    @Test func `a public key signs no refresh tokens`() throws {
        let jwk = try #require(Fixture.rsa.publicJWK())
        #expect(throws: KeyError.purposeMismatch) { try Key(jwk: jwk, purpose: .refresh) }
        #expect(throws: KeyError.purposeMismatch) { try Key.generate(.rs256, purpose: .refresh, createdAt: 0) }
    }

    @Test func `key_ops without sign leaves a key that only verifies (B23)`() throws {
        var members = try members(of: Fixture.hmac)
        members["key_ops"] = ["verify"]
        let key = try Key(jwk: Array(JSONSerialization.data(withJSONObject: members)))
        #expect(!key.signs(at: Fixture.now))
        #expect(key.verifies(at: Fixture.now))
        members["key_ops"] = ["sign", "verify"]
        #expect(try Key(jwk: Array(JSONSerialization.data(withJSONObject: members))).signs(at: Fixture.now))
    }

    private func file(_ secret: [UInt8]) -> [UInt8] {
        let k = Base64URL.encode(secret)
        return Array(#"{"kty":"oct","alg":"HS256","kid":"a","purpose":"access","iat":1,"k":"\#(k)"}"#.utf8)
    }

    private func members(of key: Key) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(key.privateJWK())) as? [String: Any])
    }
}
