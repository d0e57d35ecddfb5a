import Accounts
import Encoding
import JOSE
import Keys
import OpenSSL
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("Rotating a session, without HTTP")
struct RotateSessionTests {
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
        office.wall.change { $0 = $0.adding(milliseconds: 60_000) }
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
        let fresh = try Key.generate(.edDSA, purpose: .access, createdAt: office.wall.value.adding(seconds: 1))
        office.authState.keyring.replace(with: try Keyring(keyring.keys + [fresh]))
        #expect(try !office.refresh(token).isReplay)
    }

    @Test func `a replay is answered although the key of its time was compromised since`() throws {
        let office = try office()
        let token = try office.login(office.attempt("alice")).refreshToken
        let first = try office.refresh(token).pair
        office.wall.change { $0 = $0.adding(milliseconds: 5_000) }
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
        office.wall.change { $0 = $0.adding(milliseconds: 7_400) }
        let again = try office.refresh(token)
        #expect(!first.isReplay && again.isReplay)
        #expect(first.pair.accessToken == again.pair.accessToken && first.pair.refreshToken == again.pair.refreshToken)
    }
}
