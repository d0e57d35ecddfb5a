import Accounts
import Foundation
import Keys
import Testing
import Tokens

@Suite("Documents that anyone may read")
struct DocumentsTests {
    static let paths = [
        "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/openapi.yaml",
        "/.well-known/openid-configuration",
    ]

    let world: World

    init() throws { world = try World() }

    @Test(arguments: paths)
    func `carry an entity tag, and are not sent twice (RFC 9110 13.1.2)`(_ path: String) throws {
        let answer = world.send(Ask("GET", path))
        #expect(answer.status == 200 && !answer.body.isEmpty)
        #expect(answer["cache-control"] == "public, max-age=300" && answer["access-control-allow-origin"] == "*")
        #expect(answer["content-type"] == (path.hasSuffix("yaml") ? "application/yaml" : "application/json"))
        let tag = try #require(answer["etag"])
        #expect(tag.wholeMatch(of: /"[\x21\x23-\x7e]+"/) != nil)
        for known in [tag, "W/\(tag)", "\"x\", \(tag)", "\"x\",W/\(tag) ,\"y\"", "*"] {
            let again = world.send(Ask("GET", path).with("If-None-Match", known))
            #expect(again.status == 304 && again.body.isEmpty && again["etag"] == tag, "\(known)")
            #expect(again["cache-control"] == answer["cache-control"])
        }
        for other in ["\"x\"", "", String(tag.dropLast(2)) + "\""] {
            #expect(world.send(Ask("GET", path).with("If-None-Match", other)).body == answer.body)
        }
        let head = world.send(Ask("HEAD", path))
        #expect(head.status == 200 && head["etag"] == tag && head["content-type"] == answer["content-type"])
    }

    @Test func `the key set holds public halves only (C1)`() throws {
        let answer = world.send(Ask("GET", Self.paths[0]))
        let keys = try #require(answer.json["keys"] as? [[String: Any]])
        #expect(keys.count == 1)
        #expect(
            Set(keys[0].keys) == ["kty", "use", "alg", "kid", "n", "e"] && keys[0]["kid"] as? String == World.rs256.kid)
    }

    @Test func `the key set follows the keys, and so does its tag`() throws {
        let before = world.send(Ask("GET", Self.paths[0]))
        let token = world.pair().access
        world.authState.keyring.replace(with: try Keyring([World.hs256, World.refresh]))
        let after = world.send(Ask("GET", Self.paths[0]))
        #expect(after.text == "{\"keys\":[]}" && after["etag"] != before["etag"])
        #expect(world.verify(token).code == "kid_unknown")
        world.authState.keyring.replace(with: try Keyring([World.rs256, World.hs256, World.refresh]))
        #expect(world.send(Ask("GET", Self.paths[0])).body == before.body)
        #expect(world.verify(token).status == 200)
    }

    @Test func `the metadata is true, and leaves out what would be empty (I7 to I10, F1)`() throws {
        let answer = world.send(Ask("GET", Self.paths[1]))
        #expect(answer.string("issuer") == World.issuer)
        let endpoints = [
            "token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint", "service_documentation",
        ]
        for name in endpoints {
            let url = try #require(answer.string(name))
            #expect(url.hasPrefix(World.issuer + "/"))
            let path = String(url.dropFirst(World.issuer.count))
            let status = world.send(Ask("OPTIONS", path)).status
            #expect(status == 204, "\(path)")
        }
        #expect(
            answer.json["grant_types_supported"] as? [String] == [
                "refresh_token", "client_credentials", Client.session,
            ])
        #expect(
            answer.json["authorization_endpoint"] == nil && !answer.text.contains("login")
                && !answer.text.contains("password"))
        for value in answer.json.values {
            if let list = value as? [Any] { #expect(!list.isEmpty) }
        }
    }

    @Test func `verifiers find the same metadata at both places, with the published algorithms`() throws {
        let answer = world.send(Ask("GET", Self.paths[1]))
        #expect(world.send(Ask("GET", Self.paths[3])).body == answer.body)
        #expect(answer.json["subject_types_supported"] as? [String] == ["public"])
        #expect(answer.json["response_types_supported"] as? [String] == ["none"])
        #expect(answer.json["id_token_signing_alg_values_supported"] as? [String] == ["RS256"])
        let scopes = try #require(answer.json["scopes_supported"] as? [String])
        #expect(scopes.contains("read") && scopes == Set(scopes).sorted())
        #expect(answer.json["userinfo_endpoint"] == nil && answer.json["authorization_endpoint"] == nil)
    }

    @Test func `the metadata follows the keys, and so does its tag`() throws {
        let before = world.send(Ask("GET", Self.paths[3]))
        world.authState.keyring.replace(with: try Keyring([World.hs256, World.refresh]))
        let after = world.send(Ask("GET", Self.paths[3]))
        #expect(after.json["id_token_signing_alg_values_supported"] == nil && after["etag"] != before["etag"])
    }

    @Test func `an issuer with a slash at its end does not double it`() throws {
        let world = try World { $0.issuer = "https://auth.example/base/" }
        let answer = world.send(Ask("GET", Self.paths[1]))
        #expect(answer.string("issuer") == "https://auth.example/base/")
        #expect(answer.string("token_endpoint") == "https://auth.example/base/token")
    }

    @Test func `healthz says 200 and nothing more`() {
        let answer = world.send(Ask("GET", "/healthz"))
        #expect(answer.status == 200 && answer.body.isEmpty && answer["cache-control"] == "no-store")
    }
}
