import Accounts
@testable import Service
import Testing

@Suite("Which client may use a token")
struct TokenOwnershipTests {
    private let shop = Client(id: "shop", secretHashes: [])

    private func failure(
        _ owner: String?, _ client: Client?, _ firstParty: TokenOwnership.FirstParty
    ) -> OwnershipFailure? {
        do throws(OwnershipFailure) {
            try TokenOwnership.check(owner, client, firstParty: firstParty)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [TokenOwnership.FirstParty.anyCaller, .unauthenticatedCaller])
    func `a client's token needs that client`(_ rule: TokenOwnership.FirstParty) {
        #expect(failure("shop", shop, rule) == nil)
        #expect(failure("bank", shop, rule) == .clientNotAllowed)
        #expect(failure("shop", nil, rule) == .clientUnauthenticated)
    }

    @Test(arguments: [nil, AuthState.firstPartyClient])
    func `a first-party token needs no client, and allows one only where the rule says so`(_ owner: String?) {
        #expect(failure(owner, nil, .anyCaller) == nil)
        #expect(failure(owner, nil, .unauthenticatedCaller) == nil)
        #expect(failure(owner, shop, .anyCaller) == nil)
        #expect(failure(owner, shop, .unauthenticatedCaller) == .clientNotAllowed)
    }
}
