import Foundation
import JOSE
import Keys
import OpenSSL
import Testing
import Tokens

@Suite("Key files of PyJWT and node-jsonwebtoken: taken, or refused in so many words")
struct KeyVectorTests {
    private enum Outcome: Equatable {
        case taken(Algorithm)
        case refused(String)
    }

    /// What stands in each file, and what comes of it when the first algorithm of its kind is asked for.
    private static let expected: [String: Outcome] = [
        "jwk-pyjwt/jwk_ec_key_P-256.json": .taken(.es256),
        "jwk-pyjwt/jwk_ec_key_P-384.json": .taken(.es384),
        "jwk-pyjwt/jwk_ec_key_secp256k1.json": .refused("unsupported: crv secp256k1 for kty EC"),
        "jwk-pyjwt/jwk_ec_pub_P-256.json": .taken(.es256),
        "jwk-pyjwt/jwk_ec_pub_P-521.json": .taken(.es512),
        "jwk-pyjwt/jwk_ec_pub_secp256k1.json": .refused("unsupported: crv secp256k1 for kty EC"),
        "jwk-pyjwt/jwk_hmac.json": .taken(.hs256),
        "jwk-pyjwt/jwk_keyset_only_unknown_alg.json": .refused(
            #"no key of the set can verify signatures: "use" or "key_ops" do not allow signatures"#),
        "jwk-pyjwt/jwk_okp_key_Ed25519.json": .taken(.edDSA),
        "jwk-pyjwt/jwk_okp_key_Ed448.json": .refused("unsupported: crv Ed448 for kty OKP"),
        "jwk-pyjwt/jwk_okp_pub_Ed448.json": .refused("unsupported: crv Ed448 for kty OKP"),
        "jwk-pyjwt/jwk_rsa_key.json": .taken(.rs256),
        "pem-node-jsonwebtoken/dsa-private.pem": .refused("DSA"),
        "pem-node-jsonwebtoken/dsa-public.pem": .refused("DSA"),
        // Written out parameters that are P-256's in every number; invalid is the key for the signature that it came with.
        "pem-node-jsonwebtoken/ecdsa-public-invalid.pem": .taken(.es256),
        "pem-node-jsonwebtoken/ecdsa-public-x509.pem": .taken(.es256),
        "pem-node-jsonwebtoken/invalid_pub.pem": .taken(.rs256),
        "pem-node-jsonwebtoken/prime256v1-private.pem": .taken(.es256),
        "pem-node-jsonwebtoken/pub.pem": .taken(.rs256),
        "pem-node-jsonwebtoken/rsa-private.pem": .taken(.rs256),
        "pem-node-jsonwebtoken/rsa-pss-private.pem": .taken(.ps256),
        "pem-node-jsonwebtoken/rsa-public-key.pem": .taken(.rs256),
        "pem-node-jsonwebtoken/secp384r1-private.pem": .taken(.es384),
        "pem-node-jsonwebtoken/secp521r1-private.pem": .taken(.es512),
    ]

    static let files = ["jwk-pyjwt", "pem-node-jsonwebtoken"].flatMap { folder in
        vectorNames(folder).filter { $0 != "LICENSE" }.map { "\(folder)/\($0)" }
    }

    @Test(arguments: files)
    func `a key is taken or refused, and told why`(_ file: String) throws {
        let octets = Array(try vector(file))
        let outcome = Self.outcome(octets)
        switch Self.expected[file] {
        case .taken(let algorithm): #expect(outcome == .taken(algorithm))
        case .refused(let words):
            guard case .refused(let text) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(text.contains(words))
        case nil:
            // A file that the table does not know yet: whatever comes of it, it is said in words.
            if case .refused(let text) = outcome { #expect(text.count > 10) }
        }
    }

    @Test(arguments: files)
    func `a pair signs what its public half verifies, for every algorithm of its kind`(_ file: String) throws {
        let octets = Array(try vector(file))
        var signedCount = 0
        for algorithm in Algorithm.allCases where !algorithm.isMAC || file.contains("hmac") {
            guard let key = try? Key(importing: octets, algorithm, kid: "k"), key.canSign else { continue }
            let payload = Array("any octets".utf8)
            let token = try CompactSigner(key).sign(type: nil, payload: payload.span)
            let verifier = try VerificationKeySet(octets, algorithm)
            #expect(try verifier.check(token.span).payload == payload)
            #expect(verifier.refusal(Array(token.dropLast())) != nil)
            let copy = try Key(importing: key.privateText(.jwk), algorithm)
            #expect(try copy.privateJWK() == key.privateJWK())
            if !algorithm.isMAC {
                let public_ = try VerificationKeySet(key.publicText(.pem), algorithm)
                #expect(public_.accepts(token))
                #expect(try VerificationKeySet(key.publicText(.jwks)).accepts(token))
                #expect(try VerificationKeySet(key.publicText(.jwk)).accepts(token))
                #expect(try Key(importing: key.privateText(.pem), algorithm, kid: "k").privateJWK() == key.privateJWK())
            }
            signedCount += 1
        }
        if file.contains("private") && !file.contains("dsa-") { #expect(signedCount > 0) }
        if file.contains("rsa-pss") { #expect(signedCount == 1, "its parameters fix the hash") }
    }

    private static func outcome(_ octets: [UInt8]) -> Outcome {
        do throws(KeyError) {
            return .taken(try VerificationKeySet(octets).keys[0].algorithm)
        } catch .algorithmNeeded(let algorithms) {
            do { return .taken(try VerificationKeySet(octets, algorithms[0]).keys[0].algorithm) } catch {
                return .refused("\(error)")
            }
        } catch {
            return .refused("\(error)")
        }
    }
}
