import Accounts
import Platform
import Revocation
@testable import Service
import Testing
import Tokens

@Suite("Introspecting tokens, without HTTP")
struct IntrospectTokenTests {
    let office: Office
    private let shop: Client
    /// May use another audience only.
    private let bank: Client

    init() throws {
        let hash = ClientSecret.hash([1, 2, 3].span)
        shop = Client(id: "shop", secretHashes: [hash])
        bank = Client(id: "bank", secretHashes: [hash], audiences: ["billing"])
        office = try Office(
            users: UserDirectory().adding(Office.user("alice")), clients: ClientDirectory().adding(shop).adding(bank))
    }

    private func word(_ token: [UInt8], _ client: Client) -> String {
        switch office.introspect(token, for: client) {
        case .inactive: "inactive"
        case .access(_, let username): "access \(username ?? "-")"
        case .refresh(_, let username): "refresh \(username ?? "-")"
        }
    }

    @Test func `an access token is active for its client and for clients of its audience`() throws {
        let pair = try office.login(office.attempt("alice", client: shop))
        #expect(word(pair.accessToken, shop) == "access alice")
        #expect(word(pair.accessToken, bank) == "inactive")
        #expect(word(pair.accessToken, Client(id: "other", secretHashes: [])) == "access alice")
    }

    @Test func `a refresh token is active for its client, until it is used`() throws {
        let pair = try office.login(office.attempt("alice", client: shop))
        #expect(word(pair.refreshToken, shop) == "refresh alice")
        #expect(word(pair.refreshToken, Client(id: "other", secretHashes: [])) == "inactive")
        let next = try office.refresh(pair.refreshToken, client: shop).pair
        #expect(word(pair.refreshToken, shop) == "inactive")
        #expect(word(next.refreshToken, shop) == "refresh alice")
    }

    @Test func `what is revoked, expired or of an ended account is inactive`() throws {
        let (one, other) = (
            try office.login(office.attempt("alice", client: shop)),
            try office.login(office.attempt("alice", client: shop))
        )
        office.revoke(.session(one.sid))
        #expect(word(one.accessToken, shop) == "inactive" && word(one.refreshToken, shop) == "inactive")
        #expect(word(other.refreshToken, shop) == "refresh alice")
        office.wall.change { $0 = $0.adding(milliseconds: 600_000) }
        #expect(word(other.accessToken, shop) == "inactive" && word(other.refreshToken, shop) == "refresh alice")
        office.authState.users.replace(with: UserDirectory())
        #expect(word(other.refreshToken, shop) == "inactive")
    }
}
