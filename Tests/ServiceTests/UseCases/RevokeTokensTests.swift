import Accounts
import Keys
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("Revoking single tokens, without HTTP")
struct RevokeTokensTests {
    let office: Office
    private let shop: Client
    private let bank: Client

    init() throws {
        let hash = ClientSecret.hash([1, 2, 3].span)
        shop = Client(id: "shop", secretHashes: [hash])
        bank = Client(id: "bank", secretHashes: [hash])
        office = try Office(
            users: UserDirectory().adding(Office.user("alice")), clients: ClientDirectory().adding(shop).adding(bank))
    }

    private func find(_ token: [UInt8], _ client: Client? = nil) throws(RevokeFailure) -> Revocable? {
        try RevokeTokens(office.context).find(token.span, for: client, at: office.wall.value)
    }

    private func revoke(_ target: Revocable) {
        office.durably { RevokeTokens(office.context).revoke(target, done: $0) }
    }

    @Test func `an access token ends alone`() throws {
        let pair = try office.login(office.attempt("alice"))
        let jti = try office.verify(pair.accessToken).jti
        let target = try #require(try find(pair.accessToken))
        #expect(target == .access(jti: jti, expiresAt: Office.start.adding(milliseconds: 600_000)))
        revoke(target)
        #expect(office.rejection(pair.accessToken) == .revoked(.token))
        let next = try office.refresh(pair.refreshToken).pair
        #expect(office.rejection(next.accessToken) == nil)
    }

    @Test func `a refresh token ends its session`() throws {
        let pair = try office.login(office.attempt("alice"))
        let target = try #require(try find(pair.refreshToken))
        #expect(target == .refresh(sid: pair.sid, sessionEnd: Office.start.adding(milliseconds: 90 * 86_400_000)))
        revoke(target)
        #expect(office.rejection(pair.accessToken) == .revoked(.session))
        #expect(throws: RefreshFailure.revoked(.session)) { try office.refresh(pair.refreshToken) }
    }

    @Test func `an unknown or expired token is nothing to revoke`() throws {
        let pair = try office.login(office.attempt("alice"))
        #expect(try find(Array("a.b.c".utf8)) == nil)
        office.wall.change { $0 = $0.adding(milliseconds: 600_000) }
        #expect(try find(pair.accessToken) == nil)
        #expect(try find(pair.refreshToken) != nil)
        office.wall.change { $0 = $0.adding(milliseconds: 14 * 86_400_000) }
        #expect(try find(pair.refreshToken) == nil)
    }

    @Test func `a client's token needs that client, and a first-party token none`() throws {
        let owned = try office.login(office.attempt("alice", client: shop))
        for token in [owned.accessToken, owned.refreshToken] {
            #expect(throws: RevokeFailure.notOwner(.clientUnauthenticated)) { try find(token) }
            #expect(throws: RevokeFailure.notOwner(.clientNotAllowed)) { try find(token, bank) }
            #expect(try find(token, shop) != nil)
        }
        let free = try office.login(office.attempt("alice"))
        for token in [free.accessToken, free.refreshToken] {
            #expect(try find(token) != nil)
            #expect(try find(token, bank) != nil)
        }
    }

    @Test func `a token that was made with a shared secret outside the server revokes nothing`() throws {
        let shared = try Key.generate(.hs256, purpose: .access, createdAt: Office.start)
        let office = try Office(
            keys: Office.keys() + [shared], audiences: ["api", "legacy"], shared: ["legacy"],
            users: UserDirectory().adding(Office.user("alice")), clients: ClientDirectory())
        let sid = try office.login(office.attempt("alice")).sid
        let token = try office.forged(["aud": #""legacy""#, "sid": "\"\(sid)\""], shared)
        #expect(throws: RevokeFailure.notIssuedHere) {
            try RevokeTokens(office.context).find(token.span, for: nil, at: office.wall.value)
        }
    }

    @Test func `an operator revokes by each name`() throws {
        let cases: [(Denial, (TokenPair, VerifiedToken) -> RevocationRequest)] = [
            (.token, { .token($1.jti, expiresAt: 0) }), (.session, { pair, _ in .session(pair.sid) }),
            (.subject, { .subject($1.text($1.subject)) }), (.client, { _, _ in .client("shop") }),
            (.all, { _, _ in .all }),
            (.key, { .key(String(decoding: $1.kid, as: UTF8.self)) }),
        ]
        for (denial, request) in cases {
            let pair = try office.login(office.attempt("alice", client: shop))
            office.revoke(request(pair, try office.verify(pair.accessToken)))
            #expect(office.rejection(pair.accessToken) == .revoked(denial))
        }
        let counters = office.authState.counters.revocations
        #expect(RevocationKind.allCases.map(counters.value) == [1, 1, 1, 0, 1, 1, 1])
    }
}
