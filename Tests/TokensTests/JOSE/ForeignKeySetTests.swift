import Encoding
import JOSE
import Keys
import Testing
import Tokens

@Suite("Key sets as other issuers publish them")
struct ForeignKeySetTests {
    /// A set of these public keys, each under the name that stands beside it.
    private func set(_ keys: [(Key, String)]) throws -> VerificationKeySet {
        let members = try keys.map { key, name in
            let jwk = String(decoding: try key.publicText(.jwk), as: UTF8.self)
            let kid = String(decoding: JSONWriter.string(name), as: UTF8.self)
            return jwk.replacing("\"kid\":\"\(key.kid)\"", with: "\"kid\":\(kid)")
        }
        return try VerificationKeySet(Array("{\"keys\":[\(members.joined(separator: ","))]}".utf8))
    }

    private func token(_ key: Key, kid: String, alg: String? = nil) -> [UInt8] {
        let name = String(decoding: JSONWriter.string(kid), as: UTF8.self)
        return Forge.token(header: "{\"alg\":\"\(alg ?? key.algorithm.rawValue)\",\"kid\":\(name)}", key: key)
    }

    @Test func `keys of one name and algorithm are tried in turn, four at most`() throws {
        let keys = try (0..<5).map { _ in try Key.generate(.es256, purpose: .access, createdAt: Fixture.now) }
        let set = try set(keys.map { ($0, "k") })
        #expect(set.keys.count == 5)
        for key in keys.prefix(VerificationKeySet.sameNameCountMax) {
            #expect(set.refusal(token(key, kid: "k")) == nil)
        }
        #expect(set.refusal(token(keys[4], kid: "k")) == .signatureInvalid)
    }

    @Test func `the same key twice is one key`() throws {
        #expect(try set([(Fixture.rsa, "a"), (Fixture.rsa, "a")]).refusal(token(Fixture.rsa, kid: "a")) == nil)
    }

    @Test(arguments: ["", "CN=signer, O=Example", "schlüssel", "a\"b\\c\n", String(repeating: "k", count: 1_024)])
    func `a kid is any string of up to 1,024 bytes`(_ kid: String) throws {
        let set = try set([(Fixture.rsa, kid), (Fixture.ofEveryAlgorithm[9], "other")])
        #expect(set.refusal(token(Fixture.rsa, kid: kid)) == nil)
        #expect(set.refusal(token(Fixture.rsa, kid: kid + "x")) == .kidUnknown)
    }

    @Test func `names that only look alike are two`() throws {
        #expect(try set([(Fixture.rsa, "e\u{301}")]).refusal(token(Fixture.rsa, kid: "\u{e9}")) == .kidUnknown)
    }

    @Test func `an entry that cannot be used costs nothing but itself`() throws {
        let longest = String(repeating: "k", count: 1_025)
        let set = try set([(Fixture.rsa, longest), (Fixture.rsa, "a")])
        #expect(set.keys.count == 1 && set.refusal(token(Fixture.rsa, kid: "a")) == nil)
    }

    @Test func `Ed25519 is another name of EdDSA, for other issuers' tokens only`() throws {
        let key = try #require(Fixture.ofEveryAlgorithm.first { $0.algorithm == .edDSA })
        let set = try set([(key, "e")])
        #expect(set.refusal(token(key, kid: "e", alg: "Ed25519")) == nil)
        #expect(set.refusal(token(key, kid: "e", alg: "ed25519")) == .algNotAllowed)
        let named = try String(decoding: key.publicText(.jwk), as: UTF8.self).replacing("EdDSA", with: "Ed25519")
        #expect(try VerificationKeySet(Array(named.utf8)).refusal(token(key, kid: "e")) == nil)
        let fixture = try Fixture(Fixture.everyKeyring)
        let own = Forge.token(header: "{\"alg\":\"Ed25519\",\"typ\":\"at+jwt\",\"kid\":\"\(key.kid)\"}", key: key)
        #expect(fixture.refusal(own) == .algNotAllowed)
    }

    @Test func `a key of our own has a plain name`() throws {
        let jwk = String(decoding: try Fixture.rsa.privateText(.jwk), as: UTF8.self)
        for name in ["", "a b", "ü", String(repeating: "k", count: 129)] {
            let renamed = Array(jwk.replacing("\"kid\": \"\(Fixture.rsa.kid)\"", with: "\"kid\": \"\(name)\"").utf8)
            #expect(throws: KeyError.memberInvalid("kid")) { try Key(file: renamed) }
        }
    }

    @Test func `tokens have up to 64 KiB, ours as many as before`() throws {
        let claims = #"{"exp":1,"groups":"\#(String(repeating: "g", count: 48_000))"}"#
        let set = try VerificationKeySet(Fixture.rsa.publicText(.jwk))
        let long = Forge.token(payload: claims, key: Fixture.rsa)
        #expect(long.count > 64_000 && set.refusal(long) == nil)
        #expect(try Fixture().refusal(long) == .tooLong(byteCount: long.count))
        #expect(throws: TokenRejection.tooLong(byteCount: long.count)) { try set.check(long.span, byteCountMax: 8_192) }
        let longer = Forge.token(payload: claims.replacing("g", with: "gg"), key: Fixture.rsa)
        #expect(set.refusal(longer) == .tooLong(byteCount: longer.count))
    }
}

extension JSONWriter {
    fileprivate static func string(_ text: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.string(text)
        return writer.bytes
    }
}
