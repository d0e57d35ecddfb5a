import Accounts

/// Why a client may not use a token.
package enum OwnershipFailure: Error, Equatable, Sendable {
    /// The token belongs to a registered client that did not authenticate.
    case clientUnauthenticated
    /// The token belongs to another client.
    case clientNotAllowed
}

/// Which client may use a token: the one it was issued to.
enum TokenOwnership {
    /// Which callers may use a token of the first-party client, which cannot authenticate.
    enum FirstParty {
        case anyCaller
        case unauthenticatedCaller
    }

    /// - Parameters:
    ///   - owner: the `client_id` of the token; a token without one counts as first-party.
    ///   - client: the client that authenticated.
    static func check(
        _ owner: String?, _ client: Client?, firstParty: FirstParty
    ) throws(OwnershipFailure) {
        let owner = owner ?? AuthState.firstPartyClient
        if owner == AuthState.firstPartyClient, firstParty == .anyCaller { return }
        guard owner != (client?.id ?? AuthState.firstPartyClient) else { return }
        guard client != nil else { throw .clientUnauthenticated }
        throw .clientNotAllowed
    }
}
