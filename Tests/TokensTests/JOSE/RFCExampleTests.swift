import Encoding
import Foundation
import JOSE
import Keys
import Testing
import Tokens

@Suite("Examples printed in RFC 7515, 7517, 7519, 7520, 7638 and 7797")
struct RFCExampleTests {
    @Test(arguments: [("A.1", Algorithm.hs256), ("A.2", .rs256), ("A.3", .es256), ("A.4", .es512)])
    func `RFC 7515 appendix A verifies with its key, and with no other algorithm`(
        _ section: String, _ algorithm: Algorithm
    ) throws {
        let name = "rfc7515_\(section)"
        guard vectorNames("rfc7515-latchset").contains("\(name).jwk") else { return }
        let jwk = Array(try vector("rfc7515-latchset/\(name).jwk"))
        let keys = try VerificationKeySet(jwk, algorithm)
        let token = try trimmed("rfc7515-latchset/\(name).jwsc")
        #expect(keys.refusal(token) == nil)
        // In the service a token without a name meets no key: nothing is tried blindly.
        let key = try Key(jwk: jwk, kid: "a", algorithm: algorithm)
        #expect(refusal(token, key) == .kidMissing)
        for other in try VerificationKeySet(jwk, algorithm).keys[0].siblings where other != algorithm {
            #expect(try VerificationKeySet(jwk, other).refusal(token) == .algNotAllowed)
        }
        guard algorithm.isDeterministic else { return }
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

    @Test(
        arguments: ["jws", "curve25519"].flatMap { folder in
            vectorNames("rfc7520-cookbook/\(folder)").map { "\(folder)/\($0)" }
        })
    func `RFC 7520 and 8037 examples verify with the key that they name, where they are compact`(_ file: String) throws
    {
        let example = try cookbook(String(file.dropLast(".json".count)))
        let output = try #require(example["output"] as? [String: Any])
        guard let compact = output["compact"] as? String else {
            #expect(output["json"] != nil || output["json_flat"] != nil)
            return
        }
        let input = try #require(example["input"] as? [String: Any])
        let jwk = Array(try JSONSerialization.data(withJSONObject: #require(input["key"])))
        let algorithm = try #require(Algorithm(rawValue: input["alg"] as? String ?? ""))
        let keys = try VerificationKeySet(jwk, algorithm)
        let isDetached = compact.contains("..")
        #expect(keys.refusal(Array(compact.utf8)) == (isDetached ? .signatureInvalid : nil))
        let header = compact.prefix { $0 != "." }
        let altered = compact.replacingOccurrences(of: header + ".", with: header + ".AAAA")
        #expect(keys.refusal(Array(altered.utf8)) == .signatureInvalid)
        guard algorithm.isDeterministic, !isDetached else { return }
        let parts = compact.split(separator: ".")
        let signature = Forge.signature(
            over: Array(parts[0...1].joined(separator: ".").utf8), try Key(jwk: jwk, kid: "a", algorithm: algorithm))
        #expect(Base64URL.encode(signature) == parts[2])
    }

    @Test(arguments: vectorNames("rfc7520-cookbook/jwk"))
    func `the keys of RFC 7520 load with an algorithm of their kind, and not for encryption`(_ file: String) throws {
        let jwk = Array(try vector("rfc7520-cookbook/jwk/\(file)"))
        if file.contains("encryption") {
            #expect(throws: KeyError.notForSignatures) { try VerificationKeySet(jwk) }
            return
        }
        let loaded = Algorithm.allCases.filter { (try? VerificationKeySet(jwk, $0)) != nil }
        #expect([1, 3, 6].contains(loaded.count) || loaded == [.hs256], "\(file): \(loaded)")
    }

    @Test func `detached, unencoded and encrypted forms are refused (A10, A16)`() throws {
        for file in [
            "jwe/5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2", "jwe/5_6.direct_encryption_using_aes-gcm",
        ] {
            #expect(refusal(try compact(cookbook(file)), Fixture.hmac) == .malformed(.separators))
        }
        let unencoded = try cookbook("rfc7797/hmac-sha2_b64_false")
        let header = try #require(
            ((unencoded["output"] as? [String: Any])?["json_flat"] as? [String: Any])?["protected"] as? String)
        let token = Forge.token(headerText: header, payloadText: "Zm9v", key: Fixture.hmac)
        #expect(refusal(token, Fixture.hmac) == .criticalUnsupported)
    }

    @Test func `the thumbprint of RFC 7638 3-1 comes out (C7)`() throws {
        let example = try #require(try examples("jwk_thumbprint_sha256").first { $0["id"] as? String == "rfc7638-3.1" })
        let printed = String(decoding: try trimmed("rfc7515-latchset/rfc7638_3.1.thp"), as: UTF8.self)
        #expect(printed == example["expect"] as? String)
        let file = try JWK(Array(vector("rfc7515-latchset/rfc7638_3.1.jwk")))
        #expect(file.material.publicNumbers.map(Thumbprint.of) == printed)
    }

    @Test func `every printed thumbprint comes out (C7)`() throws {
        let examples = try examples("jwk_thumbprint_sha256")
        #expect(!examples.isEmpty)
        for example in examples {
            let jwk = try JWK(Array(JSONSerialization.data(withJSONObject: try #require(example["jwk"]))))
            let thumbprint =
                if case .secret(let octets) = jwk.material { Thumbprint.of(secret: octets) } else {
                    jwk.material.publicNumbers.map(Thumbprint.of)
                }
            #expect(thumbprint == example["expect"] as? String, "\(example["id"] ?? "")")
        }
    }

    @Test func `the sets of RFC 7517 A load without what is for encryption (C6)`() throws {
        for file in vectorNames("rfc7515-latchset").filter({ $0.hasPrefix("rfc7517") && $0.hasSuffix(".jwkset") }) {
            let octets = Array(try vector("rfc7515-latchset/\(file)"))
            let text = String(decoding: octets, as: UTF8.self)
            guard !text.contains("A128KW") else {
                // Secrets only, none with an algorithm of ours.
                #expect(throws: KeyError.self) { try VerificationKeySet(octets) }
                continue
            }
            let keys = try VerificationKeySet(octets).keys
            #expect(keys.map(\.algorithm) == [.rs256] && keys[0].kid == "2011-04-29", "\(file)")
        }
        let set = try VerificationKeySet(Array(vector("rfc7515-latchset/rfc7515_A.6.jwkset")))
        #expect(set.keys.map(\.algorithm) == [.rs256, .es256])
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

    private func compact(_ example: [String: Any]) throws -> [UInt8] {
        Array(try #require((example["output"] as? [String: Any])?["compact"] as? String).utf8)
    }
}

extension VerificationKey {
    /// The other algorithms that its key could have been bound to.
    fileprivate var siblings: [Algorithm] {
        switch material {
        case .secret: [.hs256, .hs384, .hs512]
        case .publicHalf(let key): key.numbers.algorithms
        }
    }
}
