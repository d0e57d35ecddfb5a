import Accounts
import JOSE
import Keys
import Platform
@testable import Service
import Testing

@Suite("Which algorithms have to be signed")
struct SignerTests {
    private func settings(_ shared: Set<String>) -> AuthSettings {
        AuthSettings(
            issuer: "https://auth.example", audiences: ["api", "legacy"], algorithm: .rs256,
            sharedSecretAudiences: shared, extraClaims: [], accessLifetime: 600, refreshIdle: 60, sessionMax: 60,
            leeway: 0)
    }

    @Test func `the default, HS256 for shared audiences, and what enabled clients ask for`() throws {
        let none = ClientDirectory()
        #expect(settings([]).neededAlgorithms(for: none) == [.rs256])
        #expect(Set(settings(["legacy"]).neededAlgorithms(for: none)) == [.rs256, .hs256])
        let hash = ClientSecret.hash([1].span)
        let clients = try [
            Client(id: "a", secretHashes: [hash], algorithm: "ES256"),
            Client(id: "b", secretHashes: [hash], algorithm: "EdDSA", isDisabled: true),
            Client(id: "c", secretHashes: [hash], audiences: ["legacy"], algorithm: "PS256"),
        ].reduce(none) { try $0.adding($1) }
        #expect(Set(settings(["legacy"]).neededAlgorithms(for: clients)) == [.rs256, .hs256, .es256])
        #expect(Set(settings([]).neededAlgorithms(for: clients)) == [.rs256, .es256, .ps256])
    }

    @Test func `says what a keyring lacks at a moment`() throws {
        let keys = try [
            Key.generate(.hs256, purpose: .refresh, createdAt: Office.start),
            Key.generate(.rs256, purpose: .access, createdAt: Office.start),
        ]
        let settings = settings(["legacy"])
        func missing(_ keys: [Key], at time: UnixMilliseconds) throws -> [String] {
            settings.missingSigners(in: try Keyring(keys), for: ClientDirectory(), at: time)
        }
        #expect(try missing(keys, at: Office.start) == ["HS256"])
        let ending = keys.map {
            $0.with($0.lifecycle.ending(at: Office.start.adding(milliseconds: 60_000), keep: 600_000))
        }
        #expect(try missing(ending, at: Office.start.adding(milliseconds: 59_999)) == ["HS256"])
        #expect(
            try Set(missing(ending, at: Office.start.adding(milliseconds: 60_000))) == ["RS256", "HS256", "refresh"])
    }
}
