import Foundation
import Octets
import Testing
import Token

@Suite("Wycheproof: JWS and JWK for HS256 and RS256; all other algorithms are refused (B2, B11, B16)")
struct WycheproofTests {
    struct Case {
        let name: String
        let token: [UInt8]
        /// `nil` for keys that we refuse.
        let keyring: Keyring?
        /// `nil` where either verdict will do.
        let isValid: Bool?
    }

    @Test(arguments: ["json_web_signature", "json_web_key", "json_web_crypto"], ["public", "private"])
    func `agrees with every verdict`(_ file: String, _ half: String) throws {
        let cases = try Self.cases(file, half)
        #expect(cases.count >= 15)
        for test in cases {
            guard let isValid = test.isValid else { continue }
            #expect(try Self.accepts(test) == isValid, "\(test.name)")
        }
    }

    private static func accepts(_ test: Case) throws -> Bool {
        guard let keyring = test.keyring else { return false }
        var stage = try SignatureStage(keyring: keyring)
        do {
            _ = try stage.check(test.token.span, for: .access, at: Fixture.now)
            return true
        } catch {
            return false
        }
    }

    private static func cases(_ file: String, _ half: String) throws -> [Case] {
        let disputed = try disputed(file)
        let document = try JSONSerialization.jsonObject(with: vector("wycheproof/\(file)_test.json")) as? [String: Any]
        let groups = try #require(document?["testGroups"] as? [[String: Any]])
        return try groups.flatMap { group in
            let jwk = try #require((group[half] ?? group["private"]) as? [String: Any])
            let jwks = jwk["keys"] as? [[String: Any]] ?? [jwk]
            let isOurs = jwks.contains { ["HS256", "RS256"].contains($0["alg"] as? String) }
            let texts = try jwks.map { Array(try JSONSerialization.data(withJSONObject: $0)) }
            // As at the start of the service, one key that cannot be used spoils the ring.
            let keyring = try? Keyring(texts.map { (text) throws(KeyFault) in try Key(jwk: text) } + [Fixture.refresh])
            return try #require(group["tests"] as? [[String: Any]]).map { test in
                let id = try #require(test["tcId"] as? Int)
                let isValid = test["result"] as? String == "valid" && isOurs && id != unusable[half]
                let token: [UInt8]
                switch try #require(test["jws"]) {
                case let text as String: token = Array(text.utf8)
                case let json: token = Array(try JSONSerialization.data(withJSONObject: json))
                }
                return Case(
                    name: "\(file) \(half) tcId \(id) \(test["comment"] ?? "")", token: token, keyring: keyring,
                    isValid: disputed[id] ?? isValid)
            }
        }
    }

    /// The private half of this case's key has the one operation "sign, verify", which is none.
    private static let unusable = ["private": 349]

    /// The cases whose label is wrong upstream: what to expect instead.
    private static func disputed(_ file: String) throws -> [Int: Bool?] {
        let document = try JSONSerialization.jsonObject(with: vector("wycheproof/DISPUTED.json")) as? [String: Any]
        let cases = try #require(document?["cases"] as? [[String: Any]])
        var verdicts: [Int: Bool?] = [:]
        for entry in cases where entry["file"] as? String == "\(file)_test.json" {
            let verdict: Bool? = ["accept": true, "reject": false][entry["rule"] as? String ?? ""]
            verdicts[try #require(entry["tcId"] as? Int)] = .some(verdict)
        }
        return verdicts
    }
}
