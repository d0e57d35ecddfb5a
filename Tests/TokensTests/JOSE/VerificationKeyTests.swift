import Foundation
import JOSE
import Keys
import OpenSSL
import Testing
import Tokens

@Suite("Keys that check what others signed")
struct VerificationKeyTests {
    @Test(arguments: Fixture.ofEveryAlgorithm)
    func `a key is bound to its algorithm and looks at nothing but the signature`(_ key: Key) throws {
        let payload: [UInt8] = [0, 1, 255]
        let token = try CompactSigner(key).sign(type: "at+jwt", payload: payload.span)
        let keys = try VerificationKeySet(key.privateText(.jwk))
        let verified = try keys.check(token.span)
        #expect(verified.payload == payload && verified.algorithm == key.algorithm && verified.kid == key.kid)
        for other in Algorithm.allCases where other != key.algorithm {
            #expect(throws: KeyError.algorithmMismatch(other)) { try VerificationKeySet(key.privateText(.jwk), other) }
        }
        for crit in [#""crit":["exp"],"exp":1"#, #""b64":false,"crit":["b64"]"#, #""b64":true"#] {
            let header = #"{"alg":"\#(key.algorithm.rawValue)",\#(crit)}"#
            #expect(keys.refusal(Forge.token(header: header, key: key)) == .criticalUnsupported)
        }
    }

    @Test func `a set chooses by name, and a single key does not look at it`() throws {
        let keys = Fixture.ofEveryAlgorithm.filter { $0.algorithm == .es256 || $0.algorithm == .edDSA }
        let set = try VerificationKeySet(Keyring(keys + [Fixture.refresh]).jwks)
        let token = Forge.token(header: #"{"alg":"ES256","kid":"\#(keys[0].kid)"}"#, key: keys[0])
        #expect(set.refusal(token) == nil)
        #expect(set.refusal(Forge.token(header: #"{"alg":"ES256"}"#, key: keys[0])) == nil)
        let strange = Forge.token(header: #"{"alg":"ES256","kid":"x"}"#, key: keys[0])
        #expect(set.refusal(strange) == .kidUnknown)
        #expect(try VerificationKeySet(keys[0].publicText(.jwk)).refusal(strange) == nil)
        let swapped = Forge.token(header: #"{"alg":"ES256","kid":"\#(keys[1].kid)"}"#, key: keys[0])
        #expect(set.refusal(swapped) == .algNotAllowed)
        #expect(set.refusal(Forge.token(header: #"{"alg":"RS256"}"#, key: Fixture.rsa)) == .algNotAllowed)
    }

    @Test func `a set is refused whole where its meaning is not one`() throws {
        let secret = String(decoding: try Fixture.hmac.privateText(.jwk), as: UTF8.self)
        let pair = String(decoding: try Fixture.rsa.publicText(.jwk), as: UTF8.self)
        let odd = #"{"kty":"AKP","alg":"ML-DSA-44"},{"kty":"RSA"},7"#
        #expect(throws: KeyError.mixedSet) { try VerificationKeySet(Array(#"{"keys":[\#(secret),\#(pair)]}"#.utf8)) }
        #expect(throws: KeyError.noneUsable(.unsupported("kty AKP"))) {
            try VerificationKeySet(Array(#"{"keys":[\#(odd)]}"#.utf8))
        }
        #expect(throws: KeyError.noneUsable(nil)) { try VerificationKeySet(Array(#"{"keys":[]}"#.utf8)) }
        #expect(throws: KeyError.memberInvalid("keys")) { try VerificationKeySet(Array(#"{"keys":{}}"#.utf8)) }
        #expect(try VerificationKeySet(Array(#"{"keys":[\#(odd),\#(pair)]}"#.utf8)).keys.count == 1)
        let many = Array(repeating: "7", count: 257).joined(separator: ",")
        #expect(throws: KeyError.tooManyKeys(count: 257, countMax: 256)) {
            try VerificationKeySet(Array(#"{"keys":[\#(many)]}"#.utf8))
        }
    }

    @Test func `who says no algorithm is asked, but for RSA keys of a set`() throws {
        var members = try #require(
            JSONSerialization.jsonObject(with: Data(Fixture.rsa.publicText(.jwk))) as? [String: Any])
        members["alg"] = nil
        let jwk = Array(try JSONSerialization.data(withJSONObject: members))
        let rsa: [Algorithm] = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        #expect(throws: KeyError.algorithmNeeded(rsa)) { try VerificationKeySet(jwk) }
        for algorithm in rsa { #expect(try VerificationKeySet(jwk, algorithm).keys[0].algorithm == algorithm) }
        let set = Array(#"{"keys":["#.utf8) + jwk + Array("]}".utf8)
        #expect(try VerificationKeySet(set).keys[0].algorithm == .rs256)
        #expect(try VerificationKeySet(set, .ps512).keys[0].algorithm == .ps512)
    }

    @Test func `a raw secret is taken octet for octet, and a key in disguise never (B3)`() throws {
        let secret = Random.bytes(64)
        let key = try Key(importing: secret, .hs512)
        let token = try CompactSigner(key).sign(type: nil, payload: secret.span)
        #expect(try VerificationKeySet(secret, .hs512).accepts(token))
        #expect(try !VerificationKeySet(secret + [0x0A], .hs512).accepts(token))
        #expect(throws: KeyError.crypto(.secretTooShort(byteCount: 47, byteCountMin: 48))) {
            try VerificationKeySet(Array(secret.prefix(47)), .hs384)
        }
        for form in [KeyForm.pem, .jwk, .jwks] {
            let text = try Fixture.rsa.publicText(form)
            let fault =
                form == .jwks ? KeyError.noneUsable(.algorithmMismatch(.hs256)) : .algorithmMismatch(.hs256)
            #expect(throws: fault) { try VerificationKeySet(text, .hs256) }
            #expect(throws: fault) { try VerificationKeySet(Array(" \n".utf8) + text, .hs256) }
            // A list without the object around it is named, whatever it is wanted for.
            let list = Array("[".utf8) + (try Fixture.rsa.publicText(.jwk)) + Array(", {}]".utf8)
            for asked in [nil, Algorithm.hs256, .rs256] {
                #expect(throws: KeyError.arrayOfKeys) { try VerificationKeySet(list, asked) }
                #expect(throws: KeyError.arrayOfKeys) { try Key(importing: list, asked) }
            }
            // One key is imported at a time.
            let importFault = form == .jwks ? KeyError.setOfKeys : fault
            #expect(throws: importFault) { try Key(importing: text, .hs256) }
        }
    }

    @Test(arguments: [
        "", "-", "-----BEGIN", "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "\u{30}\u{0}",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ])
    func `what is no key is refused without a crash`(_ text: String) {
        for algorithm in [nil, Algorithm.rs256, .es256] {
            let fault = #expect(throws: KeyError.self) { try VerificationKeySet(Array(text.utf8), algorithm) }
            #expect(fault.map { "\($0)".count > 10 } ?? false)
        }
    }

    @Test func `a PEM text holds one key, or a chain of certificates`() throws {
        let pem = try Fixture.rsa.publicText(.pem)
        let twoParts = KeyError.crypto(.unusableKey(reason: "a PEM text of 2 parts; one key is expected"))
        #expect(throws: twoParts) { try VerificationKeySet(pem + pem, .rs256) }
        let certificate = Array(try vector("pem-node-jsonwebtoken/pub.pem"))
        #expect(try VerificationKeySet(certificate + certificate, .rs256).keys.count == 1)
        #expect(throws: twoParts) { try VerificationKeySet(certificate + pem, .rs256) }
    }

    @Test func `key_ops that leave out signing are kept by the file`() throws {
        var members = try #require(
            JSONSerialization.jsonObject(with: Data(Fixture.hmac.privateText(.jwk))) as? [String: Any])
        members["key_ops"] = ["verify"]
        let key = try Key(importing: Array(JSONSerialization.data(withJSONObject: members)))
        #expect(!key.canSign)
        #expect(try !Key(file: key.privateJWK()).canSign)
    }
}
