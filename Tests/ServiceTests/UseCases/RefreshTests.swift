import Accounts
import Encoding
import JOSE
import Keys
import OpenSSL
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("The refresh, without a server around it")
struct RefreshTests {
    private let shop = Client(id: "shop", secretHashes: [ClientSecret.hash([1, 2, 3].span)])

    private func office(_ client: Client? = nil) throws -> Office {
        try Office(
            users: UserDirectory().adding(Office.user("alice")),
            clients: ClientDirectory().adding(client ?? shop))
    }

    @Test func `an audience that was taken from the client since the login is not granted again`() throws {
        let office = try office()
        let token = try office.login(office.attempt("alice", client: shop)).refreshToken
        var bound = shop
        bound.audiences = ["billing"]
        #expect(throws: RefreshFailure.audienceInvalid) { try office.refresh(token, client: bound) }
        // Nothing was spent by the refusal.
        #expect(try !office.refresh(token, client: shop).isReplay)
    }

    @Test func `an audience that was taken from the settings since the login is not granted again`() throws {
        let keys = try Office.keys()
        let users = try UserDirectory().adding(Office.user("alice"))
        let before = try Office(keys: keys, audiences: ["billing", "api"], users: users, clients: ClientDirectory())
        let token = try before.login(before.attempt("alice")).refreshToken
        let after = try Office(keys: keys, audiences: ["api"], users: users, clients: ClientDirectory())
        #expect(throws: RefreshFailure.audienceInvalid) { try after.refresh(token) }
        #expect(try !before.refresh(token).isReplay)
    }

    @Test func `a scope that was taken from the client since the login is not granted again`() throws {
        let office = try office()
        let token = try office.login(office.attempt("alice", client: shop)).refreshToken
        var bound = shop
        bound.scopes = ["read"]
        #expect(try office.refresh(token, client: bound).pair.scope == "read")
    }

    @Test func `a refresh that cannot be signed is not spent`() throws {
        let office = try office()
        let keyring = office.authState.keyring.current
        let token = try office.login(office.attempt("alice")).refreshToken
        let sequence = office.authState.revocations.sequence
        office.authState.keyring.replace(with: try Keyring(keyring.keys.filter { $0.purpose == .refresh }))
        for _ in 0..<2 {
            #expect(throws: RefreshFailure.signingUnavailable("no key signs EdDSA at this time")) {
                try office.refresh(token)
            }
        }
        #expect(office.authState.revocations.sequence == sequence)
        office.wall.change { $0 += 60_000 }
        office.authState.keyring.replace(with: keyring)
        #expect(try !office.refresh(token).isReplay)
    }

    @Test func `a refresh that a revoked key would sign is not spent`() throws {
        let office = try office()
        let token = try office.login(office.attempt("alice")).refreshToken
        let keyring = office.authState.keyring.current
        office.revoke(try #require(keyring.keys.first { $0.purpose == .access }))
        let sequence = office.authState.revocations.sequence
        #expect(throws: RefreshFailure.signingUnavailable("no key signs EdDSA at this time")) {
            try office.refresh(token)
        }
        #expect(office.authState.revocations.sequence == sequence)
        let fresh = try Key.generate(.edDSA, purpose: .access, createdAt: office.wall.value + 1_000)
        office.authState.keyring.replace(with: try Keyring(keyring.keys + [fresh]))
        #expect(try !office.refresh(token).isReplay)
    }

    @Test func `a replay is answered although the key of its time was compromised since`() throws {
        let office = try office()
        let token = try office.login(office.attempt("alice")).refreshToken
        let first = try office.refresh(token).pair
        office.wall.change { $0 += 5_000 }
        let fresh = try Key.generate(.edDSA, purpose: .access, createdAt: office.wall.value)
        let refresh = office.authState.keyring.current.keys.filter { $0.purpose == .refresh }
        office.authState.keyring.replace(with: try Keyring([fresh] + refresh))
        let again = try office.refresh(token)
        #expect(again.isReplay && again.pair.refreshToken == first.refreshToken)
        #expect(again.pair.accessToken != first.accessToken)
        #expect(
            try VerifyToken(office.context).verify(
                again.pair.accessToken.span, VerifyExpectations(), at: office.wall.value
            ).sid
                == first.sid)
    }

    @Test func `a replay repeats the first answer to the byte, whatever the second it comes in`() throws {
        let office = try office()
        let token = try office.login(office.attempt("alice")).refreshToken
        let first = try office.refresh(token)
        office.wall.change { $0 += 7_400 }
        let again = try office.refresh(token)
        #expect(!first.isReplay && again.isReplay)
        #expect(first.pair.accessToken == again.pair.accessToken && first.pair.refreshToken == again.pair.refreshToken)
    }
}

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
        func missing(_ keys: [Key], at time: Int64) throws -> [String] {
            settings.missingSigners(in: try Keyring(keys), for: ClientDirectory(), at: time)
        }
        #expect(try missing(keys, at: Office.start) == ["HS256"])
        let ending = keys.map { $0.with($0.lifecycle.ending(at: Office.start + 60_000, keep: 600_000)) }
        #expect(try missing(ending, at: Office.start + 59_999) == ["HS256"])
        #expect(try Set(missing(ending, at: Office.start + 60_000)) == ["RS256", "HS256", "refresh"])
    }
}
