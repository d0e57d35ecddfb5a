import Foundation
import JOSE
import OpenSSL
import Testing
import Tokens

@Suite("Wycheproof: JWS and JWK for every algorithm (B2, B11, B16)")
struct WycheproofTests {
    struct Case {
        let name: String
        let token: [UInt8]
        let keys: [UInt8]
        /// `nil` where either verdict will do.
        let isValid: Bool?
    }

    /// Every file of the kind, so that one put beside the others is run with them.
    static let files = names("json_web_")

    @Test(arguments: files, ["public", "private"])
    func `a key or a set gives every verdict`(_ file: String, _ half: String) throws {
        let cases = try Self.cases(file, half)
        #expect(cases.count >= 15)
        var counts = (good: 0, bad: 0)
        for test in cases {
            let isGood = Self.accepts(test)
            #expect(test.isValid == nil || isGood == test.isValid, "\(test.name)")
            if isGood { counts.good += 1 } else { counts.bad += 1 }
        }
        #expect(counts.good >= 3 && counts.bad >= 10)
    }

    @Test func `what the disputed list leaves open is refused where that is safer`() throws {
        // A set that mixes secrets and public keys; two keys of one name; a modulus that can be factored.
        let open = ["json_web_key_test.json": [1, 4, 7], "json_web_crypto_test.json": [46]]
        for (file, ids) in open {
            let cases = try Self.cases(file, "public").filter { test in
                ids.contains { test.name.contains(" tcId \($0) ") }
            }
            for test in cases { #expect(!Self.accepts(test), "\(test.name)") }
        }
    }

    @Test(arguments: names("rsa_") + names("ecdsa_").filter { $0.contains("p1363") } + names("ed25519_"))
    func `a public key is the same from its JWK, its DER and its PEM`(_ file: String) throws {
        let document = try JSONSerialization.jsonObject(with: vector("wycheproof/\(file)")) as? [String: Any]
        for group in try #require(document?["testGroups"] as? [[String: Any]]) {
            guard let jwk = group["publicKeyJwk"] ?? group["keyJwk"] else { continue }
            let text = Array(try JSONSerialization.data(withJSONObject: jwk))
            guard case .publicHalf(let numbers)? = try? JWK(text).material else {
                #expect(file.contains("secp256k1"), "\(file)")
                continue
            }
            let pem = Array(try #require(group["publicKeyPem"] as? String).utf8)
            #expect(try KeyText(parsing: pem.span).publicNumbers == numbers)
        }
    }

    private static func accepts(_ test: Case) -> Bool {
        do {
            return try VerificationKeySet(parsing: test.keys.span, algorithm: nil).accepts(test.token)
        } catch {
            return false
        }
    }

    private static func cases(_ file: String, _ half: String) throws -> [Case] {
        let disputed = try disputed(file)
        let document = try JSONSerialization.jsonObject(with: vector("wycheproof/\(file)")) as? [String: Any]
        let groups = try #require(document?["testGroups"] as? [[String: Any]])
        return try groups.flatMap { group in
            let keys = Array(try JSONSerialization.data(withJSONObject: #require(group[half] ?? group["private"])))
            // The private half of one key has the one operation "sign, verify", which is none.
            let isUsable = !String(decoding: keys, as: UTF8.self).contains(#""sign, verify""#)
            return try #require(group["tests"] as? [[String: Any]]).map { test in
                let id = try #require(test["tcId"] as? Int)
                let token: [UInt8]
                switch try #require(test["jws"]) {
                case let text as String: token = Array(text.utf8)
                case let json: token = Array(try JSONSerialization.data(withJSONObject: json))
                }
                return Case(
                    name: "\(file) \(half) tcId \(id) \(test["comment"] ?? "")", token: token, keys: keys,
                    isValid: disputed[id] ?? (test["result"] as? String == "valid" && isUsable))
            }
        }
    }

    /// The cases whose label is wrong upstream: what to expect instead.
    private static func disputed(_ file: String) throws -> [Int: Bool?] {
        let document = try JSONSerialization.jsonObject(with: vector("wycheproof/DISPUTED.json")) as? [String: Any]
        let cases = try #require(document?["cases"] as? [[String: Any]])
        var verdicts: [Int: Bool?] = [:]
        for entry in cases where entry["file"] as? String == file {
            let verdict: Bool? = ["accept": true, "reject": false][entry["rule"] as? String ?? ""]
            verdicts[try #require(entry["tcId"] as? Int)] = .some(verdict)
        }
        return verdicts
    }

    private static func names(_ prefix: String) -> [String] {
        vectorNames("wycheproof").filter { $0.hasPrefix(prefix) && $0.hasSuffix("_test.json") }
    }
}
