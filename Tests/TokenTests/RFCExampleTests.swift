import Foundation
import Octets
import Testing
import Token

@Suite("Examples printed in RFC 7515, 7517, 7519, 7520, 7638 and 7797")
struct RFCExampleTests {
    @Test(arguments: [("A.1", true), ("A.2", true), ("A.3", false)])
    func `RFC 7515 appendix A is signed as printed`(_ section: String, _ isSupported: Bool) throws {
        let token = try trimmed("rfc7515-latchset/rfc7515_\(section).jwsc")
        let jwk = Array(try vector("rfc7515-latchset/rfc7515_\(section).jwk"))
        guard isSupported else {
            #expect(throws: KeyFault.self) { try Key(jwk: jwk, kid: "a") }
            return
        }
        // The examples name no key, so the outcome ends there: nothing is tried blindly.
        let key = try Key(jwk: jwk, kid: "a")
        #expect(refusal(token, key) == .kidMissing)
        // Their signatures are what we compute over the same octets.
        let parts = token.split(separator: UInt8(ascii: "."))
        let input = Array(parts[0...1].joined(separator: [UInt8(ascii: ".")]))
        #expect(Base64URL.encode(Forge.signature(over: input, key)) == String(decoding: parts[2], as: UTF8.self))
    }

    @Test func `the unsecured JWTs of RFC 7515 A5 and RFC 7519 6-1 are refused (A8)`() throws {
        #expect(refusal(try trimmed("rfc7515-latchset/rfc7515_A.5.jwsc"), Fixture.hmac) == .algNotAllowed)
        for token in try examples("jws_compact") {
            let refusal = refusal(Array(try #require(token["token"] as? String).utf8), Fixture.hmac)
            #expect(refusal != nil, "\(token["id"] ?? "")")
        }
    }

    @Test(arguments: ["jws/4_1.rsa_v15_signature"])
    func `RFC 7520 examples verify with the key that they name`(_ file: String) throws {
        let example = try cookbook(file)
        let key = try cookbookKey(example)
        #expect(refusal(try compact(example), key) == nil)
    }

    @Test(arguments: ["jws/4_3.ecdsa_signature", "curve25519/jws"])
    func `RFC 7520 and 8037 examples of other algorithms are refused`(_ file: String) throws {
        let example = try cookbook(file)
        #expect(throws: KeyFault.self) { try cookbookKey(example) }
        #expect(refusal(try compact(example), Fixture.hmac) == .algNotAllowed)
    }

    @Test func `detached, unencoded and encrypted forms are refused (A10, A16)`() throws {
        for file in ["jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2", "jwe/5_6.direct_encryption_using_aes-gcm"] {
            #expect(refusal(try compact(cookbook(file)), Fixture.hmac) == .malformed(.separators))
        }
        let unencoded = try cookbook("rfc7797/hmac-sha2_b64_false")
        let header = try #require(((unencoded["output"] as? [String: Any])?["json_flat"] as? [String: Any])?["protected"] as? String)
        let token = Forge.token(headerText: header, payloadText: "Zm9v", key: Fixture.hmac)
        #expect(refusal(token, Fixture.hmac) == .criticalUnsupported)
    }

    @Test func `the thumbprint of RFC 7638 3-1 comes out (C7)`() throws {
        let example = try #require(try examples("jwk_thumbprint_sha256").first { $0["id"] as? String == "rfc7638-3.1" })
        let jwk = Array(try JSONSerialization.data(withJSONObject: try #require(example["jwk"])))
        guard case .publicRSA(let components) = try JWK(parsing: jwk.span).material else {
            Issue.record("not an RSA key")
            return
        }
        #expect(components.thumbprint == example["expect"] as? String)
        let printed = String(decoding: try trimmed("rfc7515-latchset/rfc7638_3.1.thp"), as: UTF8.self)
        #expect(components.thumbprint == printed)
    }

    @Test func `the keys of RFC 7517 A-2 load or are named as unsupported (C6)`() throws {
        let set = try JSONSerialization.jsonObject(with: vector("rfc7515-latchset/rfc7517_A.2.jwkset")) as? [String: Any]
        let keys = try #require(set?["keys"] as? [[String: Any]])
        let outcomes = try keys.map { jwk in
            let octets = Array(try JSONSerialization.data(withJSONObject: jwk))
            return (jwk["kty"] as? String, try? Key(jwk: octets))
        }
        #expect(outcomes.first { $0.0 == "RSA" }?.1 != nil)
        #expect(outcomes.first { $0.0 == "EC" }?.1 == nil)
    }

    private func refusal(_ token: [UInt8], _ key: Key) -> TokenRejection? {
        do {
            var stage = try SignatureStage(keyring: Keyring([key, Fixture.refresh]))
            do {
                _ = try stage.check(token.span, for: .access, at: Fixture.now)
                return nil
            } catch {
                return error
            }
        } catch {
            Issue.record(error)
            return nil
        }
    }

    private func trimmed(_ path: String) throws -> [UInt8] {
        Array(try vector(path).filter { !" \r\n".utf8.contains($0) })
    }

    private func examples(_ kind: String) throws -> [[String: Any]] {
        let document = try JSONSerialization.jsonObject(with: vector("rfc-examples/cases.json"))
        let cases = (document as? [String: Any])?["cases"] ?? document
        return try #require(cases as? [[String: Any]]).filter { $0["kind"] as? String == kind }
    }

    private func cookbook(_ file: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: vector("rfc7520-cookbook/\(file).json")) as? [String: Any])
    }

    private func cookbookKey(_ example: [String: Any]) throws -> Key {
        let jwk = try #require((example["input"] as? [String: Any])?["key"])
        return try Key(jwk: Array(JSONSerialization.data(withJSONObject: jwk)))
    }

    private func compact(_ example: [String: Any]) throws -> [UInt8] {
        Array(try #require((example["output"] as? [String: Any])?["compact"] as? String).utf8)
    }
}
