package import Accounts
package import Encoding
import JOSE
package import Platform
import Revocation
import Tokens

package enum ClientTokenFailure: Error, Equatable, Sendable {
    /// The client was disabled or removed meanwhile.
    case clientEnded
    /// The client does not have the grant.
    case grantNotAllowed
    case scopeInvalid
    case audienceInvalid
    /// No key can sign the token.
    case signingUnavailable(String)
    /// Signing failed for another reason.
    case internalFault(String)
}

/// A client's own access token.
package struct ClientToken: Sendable {
    package let token: [UInt8]
    package let jti: UUID
    /// Seconds.
    package let expiresIn: Int64
    package let scope: String
}

/// Issues an access token to a client that acts for itself (RFC 6749 §4.4). Nothing is stored.
package struct IssueClientToken {
    private let context: LoopContext

    package init(_ context: LoopContext) {
        self.context = context
    }

    /// - Parameters:
    ///   - scope: `nil` requests every scope of the client.
    ///   - audiences: empty requests the first audience that the client may use.
    package func issue(
        to client: Client, scope: Scope?, audiences: [String], at now: UnixMilliseconds
    ) throws(ClientTokenFailure) -> ClientToken {
        guard client.grants.contains(Client.clientCredentials) else { throw .grantNotAllowed }
        // A client without a list may use every scope that a *user* has; it has none itself.
        let own = Scope(names: client.scopes)
        let granted = scope ?? own
        guard scope == nil || granted.isWithin(own) else { throw .scopeInvalid }
        let state = context.authState
        let wanted = audiences.isEmpty ? defaultAudience(of: client) : audiences
        guard !wanted.isEmpty,
            wanted.allSatisfy({ state.settings.audiences.contains($0) && client.mayUse(audience: $0) })
        else { throw .audienceInvalid }
        // One token has one algorithm, which must be right for each of its audiences.
        let algorithm = state.algorithm(audience: wanted[0], client: client)
        guard wanted.dropFirst().allSatisfy({ state.algorithm(audience: $0, client: client) == algorithm })
        else { throw .audienceInvalid }
        guard state.hasSigner(for: algorithm, in: context.keyring, at: now),
            state.hasRefreshSigner(in: context.keyring, at: now)
        else { throw .signingUnavailable("no key signs \(algorithm.rawValue) tokens of clients") }
        var grant = ClientGrant(
            clientID: client.id, audience: wanted, scope: granted.text, roles: client.roles,
            identifierHigh: state.revocations.identifiers.nextHigh(), issuedAt: now,
            lifetime: client.accessLifetime ?? state.settings.accessLifetime, algorithm: algorithm)
        grant.birth = state.revocations.birth
        // After the birth: if the client is disabled from now on, a revocation follows that includes the token.
        guard state.isEnabled(client) else { throw .clientEnded }
        do throws(IssueError) {
            let (token, id) = try context.issuer.clientToken(grant)
            return ClientToken(token: token, jti: id, expiresIn: grant.lifetime, scope: granted.text)
        } catch {
            guard error.isAboutKeys else { throw .internalFault("\(error)") }
            throw .signingUnavailable("\(error)")
        }
    }

    private func defaultAudience(of client: Client) -> [String] {
        let known = context.authState.settings.audiences
        if client.audiences.isEmpty { return [known[0]] }
        return client.audiences.first(where: known.contains).map { [$0] } ?? []
    }
}
